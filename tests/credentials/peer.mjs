// Runs jobs with the npm packages of .peers, which is the working directory. Reads a JSON array of
// jobs from the file that is named, and prints one outcome each: {value} or {error}.
import {readFileSync} from 'node:fs';
import {createPrivateKey, createPublicKey, randomBytes, sign, verify} from 'node:crypto';
import {digest} from '@sd-jwt/crypto-nodejs';
import {SDJwtVcInstance} from '@sd-jwt/sd-jwt-vc';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {
  createSignCryptosuite, createVerifyCryptosuite
} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import * as vc from '@digitalbazaar/vc';
import * as statusList from '@digitalbazaar/vc-bitstring-status-list';

const HASHES = {EdDSA: null, ES256: 'sha256'};
const encoding = {dsaEncoding: 'ieee-p1363'};

const signer = (jwk, alg) => data => {
  const key = createPrivateKey({key: jwk, format: 'jwk'});
  return sign(HASHES[alg], Buffer.from(data), {key, ...encoding}).toString('base64url');
};

const verifier = jwk => (data, signature) => {
  const key = createPublicKey({key: jwk, format: 'jwk'});
  const hash = HASHES[jwk.kty === 'EC' ? 'ES256' : 'EdDSA'];
  return verify(hash, Buffer.from(data), {key, ...encoding}, Buffer.from(signature, 'base64url'));
};

const instance = options => new SDJwtVcInstance({
  hasher: digest,
  hashAlg: 'sha-256',
  saltGenerator: length => randomBytes(length).toString('base64url'),
  statusListFetcher: () => { throw new Error('no list is fetched'); },
  ...options
});

// The documents of one issuer or holder: its key, and itself.
const loader = ({method, multikey, purpose, documents = {}}) => {
  const controller = method.split('#')[0];
  const key = {
    '@context': 'https://w3id.org/security/multikey/v1',
    id: method, type: 'Multikey', controller, publicKeyMultibase: multikey
  };
  const known = {
    [method]: key,
    [controller]: {
      '@context': 'https://www.w3.org/ns/did/v1', id: controller, [purpose]: [method]
    },
    ...documents
  };
  return async url => known[url] ?
    {contextUrl: null, documentUrl: url, document: known[url]} :
    vc.defaultDocumentLoader(url);
};

const verifySuite = () => new DataIntegrityProof({cryptosuite: createVerifyCryptosuite()});

const signSuite = async ({method, multikey, secret, created}) => {
  const key = await Ed25519Multikey.from({
    '@context': 'https://w3id.org/security/multikey/v1',
    id: method, type: 'Multikey', controller: method.split('#')[0],
    publicKeyMultibase: multikey, secretKeyMultibase: secret
  });
  return new DataIntegrityProof({
    signer: key.signer(), date: created, cryptosuite: createSignCryptosuite()
  });
};

const judged = result => {
  if(!result.verified) {
    const errors = result.error?.errors ?? [result.error];
    throw new Error(errors.map(error => error?.message ?? 'not verified').join('; '));
  }
  return true;
};

const JOBS = {
  async sdJwtVerify({sdJwt, jwk, at, holder, nonce, lists, listJwk}) {
    const options = {
      verifier: verifier(jwk),
      ...(holder && {kbVerifier: verifier(holder)}),
      ...(lists && {
        statusVerifier: verifier(listJwk),
        statusListFetcher: async uri => {
          if(!(uri in lists)) {
            throw new Error(`there is no list ${uri}`);
          }
          return lists[uri];
        }
      })
    };
    const {payload, kb} = await instance(options).verify(
      sdJwt, {currentDate: at, ...(nonce && {keyBindingNonce: nonce})});
    return {payload, audience: kb?.payload.aud};
  },
  async sdJwtIssue({claims, frame, jwk, alg, header = {}}) {
    return instance({signer: signer(jwk, alg), signAlg: alg}).issue(claims, frame, {header});
  },
  async sdJwtPresent({sdJwt, frame, jwk, alg, binding}) {
    const options = {kbSigner: signer(jwk, alg), kbSignAlg: alg};
    return instance(options).present(sdJwt, frame, {kb: {payload: binding}});
  },
  async credentialVerify({credential, at, status, ...keys}) {
    const documentLoader = loader({...keys, purpose: 'assertionMethod'});
    const suite = verifySuite();
    return judged(await vc.verifyCredential({
      credential, suite, documentLoader, now: new Date(at),
      checkStatus: async () => ({verified: true})
    }));
  },
  async credentialIssue({credential, created, now, ...keys}) {
    const documentLoader = loader({...keys, purpose: 'assertionMethod'});
    const suite = await signSuite({...keys, created});
    return vc.issue({credential, suite, documentLoader, now: new Date(now)});
  },
  async presentationVerify({presentation, domain, challenge, ...keys}) {
    const documentLoader = loader({...keys, purpose: 'authentication'});
    return judged(await vc.verify({
      presentation, suite: verifySuite(), documentLoader, domain, challenge,
      unsignedPresentation: false
    }));
  },
  async presentationSign({presentation, domain, challenge, created, ...keys}) {
    const documentLoader = loader({...keys, purpose: 'authentication'});
    const suite = await signSuite({...keys, created});
    return vc.signPresentation({presentation, suite, documentLoader, domain, challenge});
  },
  async listRead({encodedList, indices}) {
    const list = await statusList.decodeList({encodedList});
    return {length: list.length, set: indices.map(index => list.getStatus(index))};
  },
  async listMake({id, length, indices, purpose}) {
    const list = await statusList.createList({length});
    indices.forEach(index => list.setStatus(index, true));
    return statusList.createCredential({id, list, statusPurpose: purpose});
  },
  async statusCheck({credential, documents, matching = true, ...keys}) {
    const documentLoader = loader({...keys, documents, purpose: 'assertionMethod'});
    const {verified, results, error} = await statusList.checkStatus({
      credential, documentLoader, suite: verifySuite(), verifyMatchingIssuers: matching
    });
    judged({verified, error});
    return results.map(({status}) => status);
  }
};

const outcomes = [];
for(const {job, ...given} of JSON.parse(readFileSync(process.argv[2], 'utf8'))) {
  try {
    outcomes.push({value: await JOBS[job](given)});
  } catch(error) {
    outcomes.push({error: String(error?.message ?? error)});
  }
}
process.stdout.write(JSON.stringify(outcomes));
