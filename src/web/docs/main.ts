/** The reference page: Scalar shows the document of this very server, and asks nobody else for anything. */

type Scalar = { createApiReference: (place: string, options: Record<string, unknown>) => unknown }
declare const Scalar: Scalar

/** Where the build has put its script. */
declare const SCALAR: string

const script = document.createElement('script')
script.src = SCALAR
script.onload = () => {
  Scalar.createApiReference('#reference', {
    url: '/api/v1/openapi.json',
    // What would ask another origin, or send somebody there.
    withDefaultFonts: false,
    proxyUrl: '',
    telemetry: false,
    hideClientButton: true,
    showDeveloperTools: 'never',
    agent: { disabled: true },
    mcp: { disabled: true },
    externalUrls: undefined,
    persistAuth: false,
    documentDownloadType: 'direct',
    defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
  })
}
document.head.append(script)
