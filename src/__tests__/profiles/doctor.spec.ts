import { showDoctor } from '../../profiles/doctor';
import { Bench, dialogSays, trans, waitUntil } from '../fakes';

it('shows the report of the doctor as it is', async () => {
  // Lumino draws when it likes: there is no single action of a test to wrap.
  (
    globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }
  ).IS_REACT_ACT_ENVIRONMENT = false;
  const bench = new Bench();
  bench.network.answer = () => ({
    status: 200,
    body: { text: 'OpenPBS <23.06>' }
  });
  const shown = showDoctor(bench.service, trans);
  await dialogSays(/OpenPBS <23\.06>/);
  expect(bench.network.requests[0]?.url).toMatch(/\/doctor$/);
  document.querySelector<HTMLElement>('.jp-Dialog .jp-mod-reject')?.click();
  await shown;
  await waitUntil(() => document.querySelector('.jp-Dialog') === null);
  bench.model.dispose();
});
