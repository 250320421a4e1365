/**
 * Tells whether JSON of unknown origin is a message of the contract.
 *
 * #### Notes
 * The server is tested against the schema; what these look for is a reply from somebody
 * else (a proxy's error page, another extension), so they look at what identifies a type
 * and at what would break the page, not at each field.
 */
import type {
  Cluster,
  ClusterActivity,
  ClusterList,
  ClusterLog,
  DoctorReport,
  Error as ErrorBody,
  Job,
  JobList,
  Preview,
  Profile,
  ProfileDetail,
  ProfileList,
  RawJobs,
  SchedulerInfo,
  SchedulerStatus,
  ServerInfo,
  ServerMessage
} from './generated';

type Fields = Record<string, unknown>;

export function isServerInfo(value: unknown): value is ServerInfo {
  return (
    isObject(value) &&
    typeof value.version === 'string' &&
    typeof value.api_version === 'number'
  );
}

export function isProfileList(value: unknown): value is ProfileList {
  return isObject(value) && isArrayOf(value.profiles, isProfile);
}

export function isClusterList(value: unknown): value is ClusterList {
  return (
    isObject(value) &&
    typeof value.revision === 'number' &&
    isArrayOf(value.clusters, isCluster)
  );
}

export function isClusterLog(value: unknown): value is ClusterLog {
  return (
    isObject(value) &&
    typeof value.source === 'string' &&
    typeof value.text === 'string'
  );
}

export function isPreview(value: unknown): value is Preview {
  return (
    isObject(value) &&
    Array.isArray(value.scripts) &&
    Array.isArray(value.problems)
  );
}

export function isProfileDetail(value: unknown): value is ProfileDetail {
  return (
    isObject(value) &&
    isProfile(value.profile) &&
    (value.settings === null || isObject(value.settings)) &&
    isPreview(value.preview)
  );
}

export function isErrorBody(value: unknown): value is ErrorBody {
  return (
    isObject(value) &&
    typeof value.code === 'string' &&
    typeof value.message === 'string' &&
    typeof value.next_step === 'string'
  );
}

export function isCluster(value: unknown): value is Cluster {
  return (
    isObject(value) &&
    typeof value.key === 'string' &&
    typeof value.run_id === 'string' &&
    typeof value.state === 'string' &&
    Array.isArray(value.stages) &&
    Array.isArray(value.engines)
  );
}

export function isSchedulerStatus(value: unknown): value is SchedulerStatus {
  return (
    isObject(value) &&
    (value.dialect === null || typeof value.dialect === 'string') &&
    typeof value.answering === 'boolean' &&
    isArrayOf(value.actions, isString)
  );
}

export function isSchedulerInfo(value: unknown): value is SchedulerInfo {
  return (
    isObject(value) &&
    isSchedulerStatus(value.status) &&
    Array.isArray(value.queues) &&
    Array.isArray(value.nodes)
  );
}

export function isJob(value: unknown): value is Job {
  return (
    isObject(value) &&
    typeof value.job_id === 'string' &&
    typeof value.name === 'string' &&
    typeof value.state === 'string' &&
    Array.isArray(value.hosts)
  );
}

export function isJobList(value: unknown): value is JobList {
  return (
    isObject(value) &&
    isSchedulerStatus(value.status) &&
    isArrayOf(value.jobs, isJob)
  );
}

export function isRawJobs(value: unknown): value is RawJobs {
  return (
    isObject(value) &&
    typeof value.command === 'string' &&
    typeof value.text === 'string' &&
    typeof value.read_at === 'number'
  );
}

export function isDoctorReport(value: unknown): value is DoctorReport {
  return isObject(value) && typeof value.text === 'string';
}

export function isServerMessage(value: unknown): value is ServerMessage {
  if (!isObject(value)) {
    return false;
  }
  switch (value.type) {
    case 'hello':
      return (
        typeof value.api_version === 'number' &&
        typeof value.now === 'number' &&
        isServerInfo(value.server)
      );
    case 'snapshot':
      return (
        typeof value.revision === 'number' &&
        isArrayOf(value.profiles, isProfile) &&
        isArrayOf(value.clusters, isCluster) &&
        isSchedulerStatus(value.scheduler) &&
        isArrayOf(value.jobs, isJob) &&
        isArrayOf(value.activity, isClusterActivity)
      );
    case 'delta':
      return (
        typeof value.base === 'number' &&
        typeof value.revision === 'number' &&
        isArrayOf(value.changed, isCluster) &&
        isArrayOf(value.removed, isString) &&
        (value.profiles === null || isArrayOf(value.profiles, isProfile)) &&
        (value.scheduler === null || isSchedulerStatus(value.scheduler)) &&
        isArrayOf(value.jobs_changed, isJob) &&
        isArrayOf(value.jobs_removed, isString) &&
        isArrayOf(value.activity, isClusterActivity)
      );
    default:
      return false;
  }
}

function isClusterActivity(value: unknown): value is ClusterActivity {
  return (
    isObject(value) &&
    typeof value.key === 'string' &&
    Array.isArray(value.engines) &&
    Array.isArray(value.points)
  );
}

function isProfile(value: unknown): value is Profile {
  return (
    isObject(value) &&
    typeof value.name === 'string' &&
    typeof value.max_engines === 'number'
  );
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isArrayOf<T>(
  value: unknown,
  isItem: (item: unknown) => item is T
): value is T[] {
  return Array.isArray(value) && value.every(isItem);
}
