"""The texts about who issued a document, what its holder shows, and whether it is still good."""

from __future__ import annotations

from .codes import Code, Text

ISSUED: dict[Code, Text] = {
    "issuer/good": Text(
        "The issuer is on your list of trusted issuers, and registered this document itself.",
        "颁发机构在您的信任名单中，且该文件由其本身登记。",
    ),
    "issuer/accredited": Text(
        "The issuer is on your list of trusted issuers, registered this document itself, and was"
        " accredited on that day.",
        "颁发机构在您的信任名单中，该文件由其本身登记，且登记当日其资质有效。",
    ),
    "issuer/unaccredited": Text(
        "The issuer is on your list of trusted issuers, and registered this document itself. The"
        " registry names no accreditation of it.",
        "颁发机构在您的信任名单中，且该文件由其本身登记。登记资料中没有列出该机构的资质。",
    ),
    "issuer/profile-unknown": Text(
        "The issuer is on your list of trusted issuers, and registered this document itself. Its"
        " accreditation on that day is not shown.",
        "颁发机构在您的信任名单中，且该文件由其本身登记。回执未能说明该机构当日的资质。",
    ),
    "issuer/false": Text(
        "The issuer's signature is false: it was not the issuer who registered this document.",
        "颁发机构的签名与内容不符：该文件并非由该机构登记。",
    ),
    "issuer/key-not-good": Text(
        "This was signed with a key that the issuer did not use on that day.",
        "签名所用的密钥在登记当日并非该颁发机构的有效密钥。",
    ),
    "issuer/key-stolen": Text(
        "This was signed with the issuer's key after that key was stolen or lost.",
        "签名所用的密钥在登记之前已经失窃或泄露。",
    ),
    "issuer/profile-false": Text(
        "What the receipt says about the issuer is false.",
        "回执中关于颁发机构的资料是虚假的。",
    ),
    "issuer/not-active": Text(
        "The issuer was suspended or closed when this was registered.",
        "登记当日，该颁发机构已被暂停资格或已关闭。",
    ),
    "issuer/not-accredited": Text(
        "The issuer was not accredited on the day of registration.",
        "登记当日，该颁发机构不具备有效资质。",
    ),
    "issuer/unknown": Text(
        "Who issued this document cannot be confirmed: the issuer is not on your list of trusted"
        " issuers.",
        "无法确认该文件由谁颁发：颁发机构不在您的信任名单中。",
    ),
    "issuer/key-unknown": Text(
        "Who issued this document cannot be confirmed: your list of trusted issuers does not have"
        " the key that signed it. A newer list may have it.",
        "无法确认该文件由谁颁发：您的信任名单中没有签名所用的密钥。较新的名单中可能会有。",
    ),
    "issuer/time-unknown": Text(
        "Whether the issuer's key was good on that day cannot be confirmed, because the day is not"
        " established.",
        "无法确认颁发机构的密钥当日是否有效，因为登记日期未能确定。",
    ),
    "credential/good": Text(
        "The issuer's own signature on the certificate is good.",
        "证书上颁发机构本身的签名有效。",
    ),
    "credential/false": Text(
        "The issuer's own signature on the certificate is false.",
        "证书上颁发机构的签名与内容不符。",
    ),
    "credential/expired": Text(
        "The issuer's own signature on the certificate has expired.",
        "证书上颁发机构的签名已过期。",
    ),
    "credential/other-issuer": Text(
        "The certificate names another issuer than the one that registered it.",
        "证书上写明的颁发机构与登记该证书的机构不一致。",
    ),
    "credential/other-type": Text(
        "The certificate is of another kind than the one that was registered.",
        "证书的种类与登记的种类不一致。",
    ),
    "credential/key-not-good": Text(
        "The certificate is signed with a key that the issuer did not use on that day.",
        "证书签名所用的密钥在登记当日并非该颁发机构的有效密钥。",
    ),
    "credential/key-stolen": Text(
        "The certificate was registered after the key that signed it was stolen or lost.",
        "证书登记之前，其签名所用的密钥已经失窃或泄露。",
    ),
    "credential/unsigned": Text(
        "The issuer's own signature on the certificate cannot be confirmed: it has none of the kind"
        " that is checked here.",
        "无法确认颁发机构在证书上的签名：证书没有此处能够核验的签名。",
    ),
    "credential/key-unknown": Text(
        "The issuer's own signature on the certificate cannot be confirmed: your list of trusted"
        " issuers does not have the key that signed it.",
        "无法确认颁发机构在证书上的签名：您的信任名单中没有签名所用的密钥。",
    ),
    "credential/not-bound": Text(
        "Whether the signature on the certificate was good in its time cannot be confirmed, because"
        " it is not established when this certificate was registered.",
        "无法确认证书上的签名在当时是否有效，因为该证书的登记时间未能确定。",
    ),
    "credential/unknown": Text(
        "The issuer's own signature on the certificate cannot be confirmed: this program cannot"
        " read it.",
        "无法确认颁发机构在证书上的签名：本程序无法读取。",
    ),
    "disclosures/good": Text(
        "Everything that the holder shows of the certificate is what the issuer wrote.",
        "持有人出示的证书内容均与颁发机构写明的一致。",
    ),
    "disclosures/false": Text(
        "Something that the holder shows was not written by the issuer, or is shown twice.",
        "持有人出示的内容中，有的并非颁发机构所写，或被重复出示。",
    ),
    "disclosures/unknown": Text(
        "Whether the issuer wrote what the holder shows cannot be confirmed: this program cannot"
        " read it.",
        "无法确认持有人出示的内容是否为颁发机构所写：本程序无法读取。",
    ),
    "holder/good": Text(
        "Whoever shows this certificate proved, for this request, that it is theirs.",
        "出示证书的人已针对本次请求证明其为持有人。",
    ),
    "holder/false": Text(
        "The proof that the certificate belongs to whoever shows it is false, or was made for"
        " another request.",
        "出示人的持有证明是虚假的，或是为其他请求出具的。",
    ),
    "holder/stale": Text(
        "The proof that the certificate belongs to whoever shows it was not made just now. Ask for"
        " a new one.",
        "出示人的持有证明不是刚刚出具的，不予认可。请要求重新出具。",
    ),
    "holder/not-shown": Text(
        "You asked whoever shows this certificate to prove that it is theirs, and they did not.",
        "您要求出示人证明其为持有人，但对方没有出具证明。",
    ),
    "holder/not-asked": Text(
        "Whether the certificate belongs to whoever shows it cannot be confirmed: you did not ask"
        " for a proof.",
        "无法确认出示证书的人是否为持有人：您没有要求出具证明。",
    ),
    "holder/unknown": Text(
        "Whether the certificate belongs to whoever shows it cannot be confirmed: this program"
        " cannot check the proof.",
        "无法确认出示证书的人是否为持有人：本程序无法核验该证明。",
    ),
    "status/good": Text(
        "The document was neither revoked nor suspended nor replaced at this time.",
        "截至该时间，文件未被撤销、暂停或取代。",
    ),
    "status/changed-later": Text(
        "The document was good at this time, but that changed later. Look at the details.",
        "截至该时间文件有效，但之后状态发生了变化。请查看详情。",
    ),
    "status/revoked": Text(
        "The issuer has revoked this document.",
        "颁发机构已撤销该文件。",
    ),
    "status/superseded": Text(
        "The issuer has replaced this document with a newer one.",
        "颁发机构已用新的文件取代该文件。",
    ),
    "status/suspended": Text(
        "The issuer has suspended this document.",
        "颁发机构已暂停该文件的效力。",
    ),
    "status/false": Text(
        "What the receipt says about revocation is false, or is about something else.",
        "回执中关于撤销状态的信息是虚假的，或与该文件无关。",
    ),
    "status/stale": Text(
        "Whether the document is still good cannot be confirmed: the receipt's information about"
        " revocation is too old. Get a newer receipt.",
        "无法确认该文件目前是否仍然有效：回执中的撤销信息已过时。请获取新的回执。",
    ),
    "status/none": Text(
        "Whether the document was revoked or replaced since cannot be confirmed: the receipt says"
        " nothing about it. Get a newer receipt.",
        "无法确认该文件此后是否被撤销或取代：回执中没有这方面的信息。请获取新的回执。",
    ),
    "status/unknown": Text(
        "Whether the document was revoked or replaced since cannot be confirmed: what the receipt"
        " says about it cannot be checked.",
        "无法确认该文件此后是否被撤销或取代：回执中的相关信息无法核验。",
    ),
    "status/too-early": Text(
        "Whether the document was good at this time cannot be confirmed: it was registered only"
        " later.",
        "无法确认该文件在所问时间是否有效：文件在那之后才登记。",
    ),
    "expiry/good": Text(
        "The document has not expired.",
        "文件在有效期内。",
    ),
    "expiry/expired": Text(
        "The document has expired.",
        "文件已过有效期。",
    ),
    "expiry/not-yet": Text(
        "The document is not valid yet: its time has not begun.",
        "文件尚未生效。",
    ),
    "expiry/none": Text(
        "Until when the document is good cannot be confirmed: it names no end.",
        "无法确认文件的有效期：文件没有写明截止日期。",
    ),
    "expiry/not-read": Text(
        "Until when the document is good cannot be confirmed by this program. Read it yourself.",
        "本程序无法确认文件的有效期。请自行查看文件。",
    ),
    "expiry/not-bound": Text(
        "Until when the document is good cannot be confirmed, because it is not established that it"
        " is the registered one.",
        "无法确认文件的有效期，因为尚不能认定它就是当初登记的文件。",
    ),
    "expiry/unknown": Text(
        "Until when the document is good cannot be confirmed: it writes the time in a way that this"
        " program cannot read.",
        "无法确认文件的有效期：本程序无法读取文件中的时间写法。",
    ),
    "expiry/too-early": Text(
        "Whether the document was within its validity cannot be confirmed: it was registered only"
        " after the time that is asked about.",
        "无法确认文件是否在有效期内：文件在所问时间之后才登记。",
    ),
}
