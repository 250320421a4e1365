import { ApiClient, RequestError } from '../../api/client';
import { cluster, profile } from '../examples';
import { FakeNetwork } from '../fakes';

describe('ApiClient', () => {
  let network: FakeNetwork;
  let client: ApiClient;

  beforeEach(() => {
    network = new FakeNetwork();
    client = new ApiClient({ serverSettings: network.settings });
  });

  /** Return what a request is rejected with. */
  async function rejection(request: Promise<unknown>): Promise<RequestError> {
    const error: unknown = await request.then(
      () => null,
      (reason: unknown) => reason
    );
    expect(error).toBeInstanceOf(RequestError);
    return error as RequestError;
  }

  it('asks each route below the base URL', async () => {
    network.answer = ({ url, method }) => {
      if (method === 'DELETE') {
        return { status: 204 };
      }
      if (url.endsWith('/server')) {
        return {
          status: 200,
          body: { version: '1', api_version: 1, host: 'h' }
        };
      }
      if (url.endsWith('/profiles')) {
        return { status: 200, body: { profiles: [profile()] } };
      }
      if (url.includes('/log?')) {
        return {
          status: 200,
          body: { source: 'job', text: 'x', truncated: false }
        };
      }
      return url.endsWith('/clusters') && method === 'GET'
        ? { status: 200, body: { revision: 3, clusters: [cluster()] } }
        : { status: 202, body: cluster() };
    };
    const body = { profile: 'local', engines: 4, idempotency_key: '12345678' };

    expect((await client.server()).host).toBe('h');
    expect((await client.profiles()).profiles).toEqual([profile()]);
    expect((await client.clusters()).revision).toBe(3);
    expect(await client.startCluster(body)).toEqual(cluster());
    expect(await client.stopCluster('a b:1')).toEqual(cluster());
    expect((await client.clusterLog('local', 'job', 50)).text).toBe('x');
    await client.forgetCluster('local');

    const base = 'http://host/user/some%20one/jupyterlab-engines';
    expect(network.requests).toEqual([
      { method: 'GET', url: `${base}/server`, body: null },
      { method: 'GET', url: `${base}/profiles`, body: null },
      { method: 'GET', url: `${base}/clusters`, body: null },
      { method: 'POST', url: `${base}/clusters`, body },
      { method: 'POST', url: `${base}/clusters/a%20b%3A1/stop`, body: null },
      {
        method: 'GET',
        url: `${base}/clusters/local/log?source=job&lines=50`,
        body: null
      },
      { method: 'DELETE', url: `${base}/clusters/local`, body: null }
    ]);
  });

  it('keeps the server’s own refusal whole', async () => {
    network.answer = () => ({
      status: 409,
      body: {
        code: 'wrong_state',
        message: 'local is running.',
        next_step: 'Stop it first.',
        detail: 'ready'
      }
    });
    const error = await rejection(client.forgetCluster('local'));
    expect(error).toMatchObject({
      kind: 'refused',
      status: 409,
      code: 'wrong_state',
      message: 'local is running.',
      nextStep: 'Stop it first.',
      detail: 'ready'
    });
  });

  it('tells a missing server half from an unknown cluster', async () => {
    network.answer = () => ({
      status: 404,
      body: { message: 'Not Found', reason: null }
    });
    expect((await rejection(client.server())).kind).toBe('missing');

    network.answer = () => ({
      status: 404,
      body: {
        code: 'unknown_cluster',
        message: 'm',
        next_step: '',
        detail: null
      }
    });
    expect((await rejection(client.stopCluster('x'))).kind).toBe('refused');
  });

  it('calls no answer unreachable', async () => {
    network.answer = () => {
      throw new TypeError('Failed to fetch');
    };
    const error = await rejection(client.clusters());
    expect(error.kind).toBe('unreachable');
    expect(error.status).toBeNull();
    expect(error.detail).toContain('Failed to fetch');
  });

  it.each([
    ['a login page', 200, '<html>Log in</html>'],
    ['another’s JSON', 200, '{"clusters": 3}'],
    ['a proxy’s error', 502, '<html>Bad gateway</html>']
  ])('does not take %s for an answer', async (_, status, text) => {
    network.answer = () => ({ status, text });
    const error = await rejection(client.clusters());
    expect(error.kind).toBe('unreadable');
    expect(error.status).toBe(status);
  });
});
