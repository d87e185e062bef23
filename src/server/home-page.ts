/** The page at `/`: what runs here, where to look, and how to connect an assistant. Needs nothing from elsewhere. */
import { html } from 'hono/html';
import { operations } from './operations/index.ts';

export interface HomePageOptions {
  /** As the browser sees this server, for example `http://localhost:4747`. */
  origin: string;
  tokensRequired: boolean;
  /** Where prices come from: `simulated` is invented data, also where it is stored in files. */
  marketData: string;
}

const policy =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const style = html`<style>
  :root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: #0a7d5a; }
  body { font: 16px/1.55 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1.25rem; }
  h1 { font-size: 2rem; margin: 0; letter-spacing: -0.02em; }
  h2 { font-size: 1.1rem; margin: 2.2rem 0 0.5rem; }
  .lead { margin: 0.25rem 0 1.25rem; opacity: 0.8; }
  .notice { border-left: 4px solid #d08700; background: #d0870018; padding: 0.6rem 0.9rem; border-radius: 4px; }
  nav { display: flex; flex-wrap: wrap; gap: 0.6rem; margin: 1.25rem 0; }
  nav a { border: 1px solid var(--line); border-radius: 8px; padding: 0.5rem 0.9rem; text-decoration: none; color: inherit; }
  nav a.first { background: var(--accent); border-color: var(--accent); color: #fff; }
  pre { background: var(--soft); padding: 0.8rem 1rem; border-radius: 8px; overflow-x: auto; font-size: 0.86rem; }
  code { font-family: ui-monospace, monospace; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.3rem 1.2rem; margin: 0; }
  dt { font-family: ui-monospace, monospace; font-size: 0.86rem; } dd { margin: 0; }
</style>`;

/** The page, with a policy that lets it load nothing. */
export async function homePage({ origin, tokensRequired, marketData }: HomePageOptions): Promise<Response> {
  const token = tokensRequired ? ' --header "Authorization: Bearer <your token>"' : '';
  const settings = {
    mcpServers: {
      ttai: {
        type: 'http',
        url: `${origin}/mcp`,
        ...(tokensRequired && { headers: { Authorization: 'Bearer <your token>' } }),
      },
    },
  };
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>TTAI</title>
        ${style}
      </head>
      <body>
        <h1>TTAI</h1>
        <p class="lead">
          Analyses and screens option trades, and watches your positions and prices. Each workflow, monitor, alert and
          session is a state machine whose life is kept in Postgres.
        </p>
        ${
          marketData === 'simulated'
            ? html`<p class="notice">
              <strong>Simulated market.</strong> All prices here are invented. MARKET_DATA chooses a real source.
            </p>`
            : html`<p>Market data: <strong>${marketData}</strong>.</p>`
        }
        <nav>
          <a class="first" href="/inspect">Watch the machines</a>
          <a href="/api/openapi.json">HTTP API</a>
          <a href="/api/asyncapi.json">WebSocket API</a>
          <a href="/readyz">Readiness</a>
        </nav>
        <h2>Connect an assistant</h2>
        <p>Claude Code:</p>
        <pre><code>claude mcp add --transport http ttai ${origin}/mcp${token}</code></pre>
        <p>Other hosts that speak MCP over HTTP:</p>
        <pre><code>${JSON.stringify(settings, null, 2)}</code></pre>
        <p>Hosts that start a process: <code>npm run -s ttai -- mcp</code>, in TTAI's folder.</p>
        <h2>What it can be asked</h2>
        <dl>${operations.map(({ name, title }) => html`<dt>${name}</dt><dd>${title}</dd>`)}</dl>
        <h2>From a terminal</h2>
        <pre><code>npm run ttai -- analyze AAPL
npm run ttai -- screen --min-price 20 --max-price 60
npm run ttai -- position add AAPL "sell 1 put 150 2030-12-20 at 2.35"
npm run ttai -- monitor start
npm run ttai -- alert add AAPL above 200
npm run ttai -- watch</code></pre>
      </body>
    </html>`;
  return new Response(String(await page), {
    headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy },
  });
}
