import {
  engineCount,
  PAYLOAD_SOURCE,
  placesOfOutputs,
  placesOfReply,
  placesSentence
} from '../../cells/where';
import { RUN_MIME_TYPE } from '../../results/contract';
import { trans } from '../fakes';

const reply = (runs: unknown) => ({
  status: 'ok',
  payload: [
    { source: 'page', data: {} },
    { source: PAYLOAD_SOURCE, runs }
  ]
});

describe('where a cell ran', () => {
  it('is read from the reply', () => {
    const places = placesOfReply(
      reply([{ cluster: 'pbs', ranks: '0–5, 7–8' }])
    );
    expect(places).toEqual([
      {
        cluster: 'pbs',
        ranks: [
          [0, 5],
          [7, 8]
        ]
      }
    ]);
    expect(engineCount(places)).toBe(8);
    expect(placesSentence(places, trans)).toBe(
      'Ran code on 8 engines of pbs, ranks 0–5, 7–8'
    );
  });

  it('counts no engine twice, and names each cluster', () => {
    const places = placesOfReply(
      reply([
        { cluster: 'local', ranks: '0–1' },
        { cluster: '', ranks: '3' },
        { cluster: 'local', ranks: '1–2' }
      ])
    );
    expect(engineCount(places)).toBe(4);
    expect(placesSentence(places, trans)).toBe(
      'Ran code on 3 engines of local, ranks 0–2\nRan code on 1 engine, rank 3'
    );
  });

  it.each([
    undefined,
    {},
    { payload: null },
    { payload: [null, 'text', { source: 'page' }] },
    reply(null),
    reply([null, {}, { cluster: 'a' }, { cluster: 'a', ranks: 'all' }]),
    reply([{ cluster: 'a', ranks: '' }])
  ])('is nowhere else by %j', content => {
    expect(placesOfReply(content)).toEqual([]);
  });

  it('is read from the outputs, of a saved notebook too', () => {
    const outputs = [
      { 'text/plain': '1' },
      { [RUN_MIME_TYPE]: { model_id: 'older, without ranks' } },
      { [RUN_MIME_TYPE]: { model_id: 'm', cluster: 'a', ranks: '0–3' } },
      { [RUN_MIME_TYPE]: { cluster: 'a', ranks: '2' } }
    ];
    expect(placesOfOutputs(outputs)).toEqual([
      { cluster: 'a', ranks: [[0, 3]] }
    ]);
    expect(placesOfOutputs([])).toEqual([]);
  });
});
