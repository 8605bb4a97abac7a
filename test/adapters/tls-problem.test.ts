import { describe, expect, it } from 'vitest';
import { tlsProblem } from '../../lib/adapters/tls-problem.ts';
import { CRM, SHOP, SHOP_ENCRYPTED_KEY, TARGET, WEAK } from '../support/tls-pairs.ts';

describe('a TLS identity', () => {
  it.each([
    ['nothing', {}],
    ['authorities alone', { ca: `${SHOP.cert}\nwhat follows is of the CRM\n${CRM.cert}` }],
    ['a certificate with its key', SHOP],
    [
      'a certificate, those above it, its key and authorities',
      { ...SHOP, cert: SHOP.cert + CRM.cert, ca: TARGET.cert },
    ],
  ])('of %s can be used', (_, tls) => {
    expect(tlsProblem(tls)).toBeUndefined();
  });

  it.each([
    ['a certificate without its key', { cert: SHOP.cert }, 'tls.cert has no tls.key beside it'],
    ['a key without its certificate', { key: SHOP.key }, 'tls.key has no tls.cert beside it'],
    ['authorities that are empty', { ca: '' }, 'tls.ca holds no certificate; write PEM'],
    ['a key in place of a certificate', { ...SHOP, cert: SHOP.key }, 'tls.cert holds no certificate'],
    [
      'authorities of which the second was cut off',
      { ca: SHOP.cert + CRM.cert.slice(0, 200) },
      'tls.ca holds a certificate that was cut off',
    ],
    [
      'authorities of which the second is nonsense',
      { ca: SHOP.cert + CRM.cert.replace('MII', 'AAA') },
      'tls.ca: its certificate 2 of 2 cannot be read',
    ],
    ['a key that is none', { ...SHOP, key: 's3cret' }, 'tls.key cannot be read'],
    ['a key that was cut off', { ...SHOP, key: SHOP.key.slice(0, 100) }, 'tls.key cannot be read'],
    ['a key behind a passphrase', { ...SHOP, key: SHOP_ENCRYPTED_KEY }, 'without a passphrase'],
    ['the key of another', { ...SHOP, key: CRM.key }, 'tls.key does not belong to tls.cert'],
    [
      'its certificate below another',
      { ...SHOP, cert: CRM.cert + SHOP.cert },
      'the key of its first certificate',
    ],
    ['a key that is too short to be safe', WEAK, 'tls cannot be used: ERR_SSL_EE_KEY_TOO_SMALL'],
  ])('of %s cannot, which names what is wrong and quotes nothing', (_, tls, problem) => {
    const said = tlsProblem(tls);
    expect(said).toContain(problem);
    expect(said).not.toContain('s3cret');
    expect(said).not.toContain('MIG');
  });
});
