import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Plugin } from 'vite';

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>SyncTV API</title>
    <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
  </head>
  <body>
    <div id="docs"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const start = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  docExpansion: 'none',
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
`;

/** Copies Swagger UI into docs/ of the output; it reads the server's own /openapi.json and nothing else. */
export function docs(): Plugin {
  const require = createRequire(import.meta.url);
  return {
    name: 'synctv-docs',
    apply: 'build',
    generateBundle() {
      for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css']) {
        const text = readFileSync(require.resolve(`swagger-ui-dist/${file}`), 'utf8').replace(
          /\n?\/[/*]# sourceMappingURL=.*$/m,
          '',
        );
        this.emitFile({ type: 'asset', fileName: `docs/${file}`, source: text });
      }
      this.emitFile({ type: 'asset', fileName: 'docs/start.js', source: start });
      this.emitFile({ type: 'asset', fileName: 'docs/index.html', source: page });
    },
  };
}
