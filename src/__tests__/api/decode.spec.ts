import * as decode from '../../api/decode';

/** What the Python side is tested against too, by `test_contract.py`. */
const EXAMPLES = jest.requireActual<Record<string, unknown[]>>(
  '../../../jupyter_extension/tests/data/wire_examples.json'
);

const READERS: Record<string, (value: unknown) => boolean> = {
  ServerInfo: decode.isServerInfo,
  ProfileList: decode.isProfileList,
  ClusterList: decode.isClusterList,
  ClusterLog: decode.isClusterLog,
  Cluster: decode.isCluster,
  Error: decode.isErrorBody,
  SchedulerStatus: decode.isSchedulerStatus,
  SchedulerInfo: decode.isSchedulerInfo,
  Job: decode.isJob,
  JobList: decode.isJobList,
  RawJobs: decode.isRawJobs,
  DoctorReport: decode.isDoctorReport,
  Hello: decode.isServerMessage,
  Snapshot: decode.isServerMessage,
  Delta: decode.isServerMessage
};

describe.each(Object.entries(READERS))('The reader of %s', (name, isOne) => {
  it('takes what the server sends', () => {
    const examples = EXAMPLES[name] ?? [];
    expect(examples.length).toBeGreaterThan(0);
    examples.forEach(example => expect(isOne(example)).toBe(true));
  });

  it.each([null, undefined, 'text', 7, [], {}, { type: 'delta' }])(
    'refuses %j',
    value => {
      expect(isOne(value)).toBe(false);
    }
  );
});

describe('The readers of messages', () => {
  const first = (name: string) => EXAMPLES[name]?.[0] as object;

  it.each(['scheduler', 'jobs'])('refuse a snapshot without %s', field => {
    expect(
      decode.isServerMessage({ ...first('Snapshot'), [field]: undefined })
    ).toBe(false);
  });

  it.each(['scheduler', 'jobs_changed', 'jobs_removed'])(
    'refuse a delta without %s',
    field => {
      expect(
        decode.isServerMessage({ ...first('Delta'), [field]: undefined })
      ).toBe(false);
    }
  );
});
