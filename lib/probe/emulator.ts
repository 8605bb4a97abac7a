const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * Whether what the AWS SDK is told to talk to stands on this machine: then it is not AWS.
 * @example onEmulator({ AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' }) // true
 */
export function onEmulator({ AWS_ENDPOINT_URL: url = '' }: NodeJS.ProcessEnv): boolean {
  return URL.canParse(url) && LOOPBACK.test(new URL(url).hostname);
}
