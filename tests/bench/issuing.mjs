// The npm peers of issuing.py, in .peers, which is the working directory: they make and verify the
// same credentials, each with a key of its own. Prints milliseconds of CPU by figure and round.
import {readFileSync} from 'node:fs';
import {createPublicKey, generateKeyPairSync, randomBytes, sign, verify} from 'node:crypto';
import {digest} from '@sd-jwt/crypto-nodejs';
import {SDJwtVcInstance} from '@sd-jwt/sd-jwt-vc';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {
  createSignCryptosuite, createVerifyCryptosuite
} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import * as vc from '@digitalbazaar/vc';

const WARM_UP = 3;
const {each, rounds, claims, vct, concealed, badge, created} =
  JSON.parse(readFileSync(process.argv[2], 'utf8'));

const frame = {_sd: []};
for(const [name, inner] of concealed) {
  if(inner === undefined) {
    frame._sd.push(name);
  } else {
    (frame[name] ??= {_sd: []})._sd.push(inner);
  }
}

const {privateKey} = generateKeyPairSync('ed25519');
const publicKey = createPublicKey(privateKey);
const sdJwts = new SDJwtVcInstance({
  hasher: digest,
  hashAlg: 'sha-256',
  saltGenerator: length => randomBytes(length).toString('base64url'),
  signAlg: 'EdDSA',
  signer: data => sign(null, Buffer.from(data), privateKey).toString('base64url'),
  verifier: (data, signature) =>
    verify(null, Buffer.from(data), publicKey, Buffer.from(signature, 'base64url'))
});

const controller = badge.issuer.id;
const key = await Ed25519Multikey.generate({id: `${controller}#key`, controller});
const documents = {
  [key.id]: await key.export({publicKey: true}),
  [controller]: {
    '@context': 'https://www.w3.org/ns/did/v1', id: controller, assertionMethod: [key.id]
  }
};
const documentLoader = async url => documents[url] ?
  {contextUrl: null, documentUrl: url, document: documents[url]} : vc.defaultDocumentLoader(url);
const signSuite = () => new DataIntegrityProof({
  signer: key.signer(), date: created, cryptosuite: createSignCryptosuite()
});
const verifySuite = () => new DataIntegrityProof({cryptosuite: createVerifyCryptosuite()});
const now = new Date(created);

const issueSdJwt = () => sdJwts.issue({...claims, vct}, frame);
// Without an id, which a credential of its own would have; issue() changes what it is given.
const issueBadge = () => vc.issue({
  credential: structuredClone(badge), suite: signSuite(), documentLoader, now
});
const text = await issueSdJwt();
const signed = await issueBadge();
const works = {
  issue_sd_jwt_npm_ms: issueSdJwt,
  issue_badge_npm_ms: issueBadge,
  verify_sd_jwt_npm_ms: () => sdJwts.verify(text, {currentDate: claims.iat}),
  verify_badge_npm_ms: async () => {
    const {verified, error} = await vc.verifyCredential({
      credential: signed, suite: verifySuite(), documentLoader, now
    });
    if(!verified) {
      throw error;
    }
  }
};

const found = Object.fromEntries(Object.keys(works).map(name => [name, []]));
for(let round = 0; round < WARM_UP + rounds; round++) {
  for(const [name, work] of Object.entries(works)) {
    const before = process.cpuUsage();
    for(let n = 0; n < each; n++) {
      await work();
    }
    const {user, system} = process.cpuUsage(before);
    if(round >= WARM_UP) {
      found[name].push((user + system) / 1000 / each);
    }
  }
}
process.stdout.write(JSON.stringify(found));
