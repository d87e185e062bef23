import { expect, test } from 'vitest';
import { readConfig } from '../config.ts';
import { banner } from './banner.ts';

const url = 'http://127.0.0.1:4747';
const analysisUrl = 'http://127.0.0.1:5151';

test('says where the doors are, and loudly that the market is simulated', () => {
  const text = banner({ url, analysisUrl, config: readConfig({}), joined: false });
  expect(text).toContain('SIMULATED MARKET');
  for (const place of [
    `${url}/mcp`,
    'ws://127.0.0.1:4747/ws',
    `${url}/inspect`,
    `${url}/api/openapi.json`,
    analysisUrl,
  ]) {
    expect(text).toContain(place);
  }
  expect(text).toContain(`claude mcp add --transport http ttai ${url}/mcp\n`);
  expect(text).toContain('  npm run -s ttai -- analyze AAPL\n');
});

test('files that were filled from the simulated market are no less invented', () => {
  const config = readConfig({ MARKET_DATA: 'files', MARKET_DATA_DIR: '/data' });
  const invented = banner({ url, analysisUrl, config, joined: false, source: 'simulated' });
  expect(invented).toContain(
    'SIMULATED MARKET, stored as files in /data: invented prices, not for trading\n',
  );
  const real = banner({ url, analysisUrl, config, joined: false, source: 'files' });
  expect(real).toContain('files in /data\n');
  expect(real).not.toContain('SIMULATED');
});

test('where the analysis service is somewhere else, its source counts and not our setting', () => {
  const config = readConfig({ ANALYSIS_URL: analysisUrl });
  const text = banner({ url, analysisUrl, config, joined: false, source: 'yahoo' });
  expect(text).toMatch(/Market data +yahoo\n/);
});

test('the lines to paste are JSON that names the address', () => {
  const text = banner({ url, analysisUrl, config: readConfig({}), joined: false });
  const json = text.slice(text.indexOf('  {'));
  expect(JSON.parse(json)).toEqual({ mcpServers: { ttai: { type: 'http', url: `${url}/mcp` } } });
});

test('with tokens, the lines to paste carry one', () => {
  const config = readConfig({ HOST: '0.0.0.0', AUTH_TOKENS_FILE: 'tokens' });
  const text = banner({ url, analysisUrl, config, joined: false });
  expect(text).toContain('--header "Authorization: Bearer <token>"');
  expect(text).toContain('every request needs a token');
  expect(text).toContain('npm run -s ttai -- token add NAME');
});
