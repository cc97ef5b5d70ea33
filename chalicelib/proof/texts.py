"""What every outcome means, in English and Simplified Chinese, for somebody in a personnel office.

A text of what could not be checked says so, and reads neither as good nor as bad: in English it has
the words "cannot be confirmed", in Chinese 无法确认, and no other text has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

from .codes import Code, Text
from .texts_issued import ISSUED

Outcome: TypeAlias = Literal["valid", "invalid", "cannot tell"]

Language: TypeAlias = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


VERDICTS: Mapping[Outcome, Text] = {
    "valid": Text(
        "Verified: everything that had to be checked is in order. What else could not be checked is"
        " named as such.",
        "核验通过：所有必须核验的项目均无问题。其他未能核验的项目已逐项注明。",
    ),
    "invalid": Text(
        "Do not rely on this document: at least one check shows that something is wrong.",
        "请勿采信该文件：至少有一项核验表明存在问题。",
    ),
    "cannot tell": Text(
        "Whether this document is good cannot be confirmed, because something that the check needs "
        "is missing. This speaks neither for the document nor against it.",
        "无法确认该文件是否有效，因为缺少核验所需的信息。这既不表示文件没有问题，也不表示文件有问题。",
    ),
}

_RECEIPT: dict[Code, Text] = {
    "document/good": Text(
        "This is the document that was registered, unchanged.",
        "该文件就是当初登记的文件，未经改动。",
    ),
    "document/differs": Text(
        "This is not the document that was registered, or it was changed since.",
        "该文件不是当初登记的文件，或在登记后被改动过。",
    ),
    "document/receipt-differs": Text(
        "The receipt was altered, or put together from several receipts.",
        "该回执被改动过，或由不同的回执拼凑而成。",
    ),
    "document/receipt-incomplete": Text(
        "Whether this document belongs to the receipt cannot be confirmed: the receipt came without"
        " the holder's part. Ask the holder for the whole receipt.",
        "无法确认该文件与回执是否对应：回执缺少由持有人保管的部分。请向持有人索取完整的回执。",
    ),
    "document/not-given": Text(
        "Whether the document is the registered one cannot be confirmed: no document was given.",
        "无法确认文件是否为当初登记的文件：没有提供文件。",
    ),
    "document/none": Text(
        "Which document this is about cannot be confirmed: the receipt is for a notice about"
        " another document, such as its revocation.",
        "无法确认涉及哪份文件：该回执对应的是关于另一份文件的通知（例如撤销通知）。",
    ),
    "inclusion/good": Text(
        "The register holds this document's entry.",
        "登记簿中有该文件的登记记录。",
    ),
    "inclusion/false": Text(
        "The receipt does not show that the register holds this document's entry.",
        "该回执不能证明登记簿中有该文件的登记记录，回执有误。",
    ),
    "inclusion/two-histories": Text(
        "The receipt shows two registers that contradict each other. Keep it as evidence, and tell"
        " whoever runs the register.",
        "该回执显示了两份相互矛盾的登记簿。请保留回执作为证据，并告知登记簿的运营方。",
    ),
    "log/good": Text(
        "The receipt comes from the register that you trust.",
        "该回执出自您所信任的登记簿。",
    ),
    "log/false": Text(
        "The register's signature on the receipt is false.",
        "回执上登记簿的签名与内容不符。",
    ),
    "log/unknown": Text(
        "Where the receipt comes from cannot be confirmed: its register is not on your list of"
        " trusted registers.",
        "无法确认该回执的来源：出具回执的登记簿不在您的信任名单中。",
    ),
    "block/good": Text(
        "The register signed the time of registration.",
        "登记时间有登记簿的签名为证。",
    ),
    "block/false": Text(
        "The register's signature on the time of registration is false.",
        "登记簿对登记时间的签名与内容不符。",
    ),
    "block/unknown": Text(
        "The time of registration cannot be confirmed: the register is not on your list of trusted"
        " registers.",
        "无法确认登记时间：出具回执的登记簿不在您的信任名单中。",
    ),
    "witnesses/good": Text(
        "Enough of the independent witnesses that you trust have countersigned.",
        "已有足够多您所信任的独立见证方共同签名。",
    ),
    "witnesses/false": Text(
        "The signature of an independent witness is false.",
        "有独立见证方的签名与内容不符。",
    ),
    "witnesses/too-few": Text(
        "Whether enough independent witnesses saw this cannot be confirmed: fewer of them"
        " countersigned than you ask for.",
        "无法确认是否有足够的独立见证方见证：共同签名的见证方少于您要求的数量。",
    ),
    "witnesses/not-asked": Text(
        "Whether independent witnesses saw this cannot be confirmed: you ask for none.",
        "无法确认是否有独立见证方见证：您没有要求见证。",
    ),
    "attestation/good": Text(
        "An outside party that you trust confirms when this was registered.",
        "您所信任的外部机构证实了登记的时间。",
    ),
    "attestation/false": Text(
        "What is shown as an outside party's confirmation is false.",
        "所出示的外部机构证明是虚假的。",
    ),
    "attestation/unknown": Text(
        "When an outside party saw this cannot be confirmed with what is at hand.",
        "凭现有资料，无法确认外部机构何时见证了登记。",
    ),
    "time/at-before-registration": Text(
        "What held at this time cannot be confirmed: it lies before the document was registered."
        " Check the date that you asked for, and this computer's clock.",
        "无法确认所问时间的情况：该时间早于文件的登记时间。请检查所填日期以及本机的时钟。",
    ),
    "receipt/unreadable": Text(
        "What was given as the receipt is damaged, or is no receipt.",
        "所提供的回执已损坏，或者根本不是回执。",
    ),
    "evidence/missing": Text(
        "Something that you ask for cannot be confirmed: the receipt holds no evidence of it.",
        "您要求核验的一项内容无法确认：回执中没有相应的证据。",
    ),
}

TEXTS: Mapping[Code, Text] = {**_RECEIPT, **ISSUED}
