// What the system says of files and folders, as one line that names the place, and a second with a way out.
import { getSystemErrorMap } from 'node:util';

/** An error of Node's `fs`. */
export interface SystemError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  readonly path?: string;
  /** Where something is moved to. */
  readonly dest?: string;
}

/** What each call of the system needs a path to be. */
const expectations: Readonly<Record<string, string>> = {
  open: 'a file that can be opened',
  mkdir: 'a folder that can be made',
  mkdtemp: 'a folder that can be made',
  write: 'a file that can be written',
  writev: 'a file that can be written',
  fsync: 'a file that can be written',
  fdatasync: 'a file that can be written',
  ftruncate: 'a file that can be written',
  close: 'a file that can be written',
  rename: 'a place that can be written',
  link: 'a place that can be written',
  copyfile: 'a place that can be written',
  unlink: 'a file that can be removed',
  rmdir: 'a folder that can be removed',
  rm: 'a place that can be removed',
  read: 'a file that can be read',
  stat: 'a path that can be followed',
  lstat: 'a path that can be followed',
  fstat: 'a path that can be followed',
  access: 'a path that can be followed',
  realpath: 'a path that can be followed',
  readlink: 'a path that can be followed',
  scandir: 'a folder that can be read',
  opendir: 'a folder that can be read',
  uv_cwd: 'a working directory that exists',
};

/** Ways out, for places that cannot be used whatever is tried. */
const wrongPlaces: Readonly<Record<string, string>> = {
  EROFS: 'it is on a disk that is mounted read-only; choose another place',
  EACCES: 'this user may not; choose another place, or change who may',
  EPERM: 'this user may not; choose another place, or change who may',
  ENOTDIR: 'a part of the path is a file and no folder',
  EISDIR: 'it is a folder',
  EEXIST: 'something else is there',
  ENOENT: 'a folder on the way to it does not exist',
  ENAMETOOLONG: 'a name may have 255 bytes, a path 4,096',
  ELOOP: 'its symbolic links lead in a circle',
  EINVAL: 'the file system does not take such a name',
  EXDEV: 'it lies on two disks',
};

const shortages: Readonly<Record<string, string>> = {
  ENOSPC: 'its disk is full; make room',
  EDQUOT: 'this user’s share of its disk is used up; make room',
  EFBIG: 'ulimit -f, or the file system, allows no larger file',
  EMFILE: 'ulimit -n allows this process no more open files',
  ENFILE: 'the system has no room for more open files',
  EIO: 'its disk reports a failure',
};

export function isSystemError(error: unknown): error is SystemError {
  const { code, errno, syscall } = (error ?? {}) as Partial<SystemError>;
  return typeof code === 'string' && typeof errno === 'number' && syscall !== undefined && syscall in expectations;
}

/** One line, and a hint where one is known. */
export function explain({ code, errno, syscall, path, dest }: SystemError): string {
  const place = dest ?? path ?? (syscall === 'uv_cwd' ? 'lockstep' : 'a file');
  const reason = getSystemErrorMap().get(errno)?.[1];
  const hint = wrongPlaces[code] ?? shortages[code];
  const line = `${place}: expected ${expectations[syscall]}, got ${code}${reason === undefined ? '' : ` (${reason})`}`;
  return hint === undefined || syscall === 'uv_cwd' ? line : `${line}\nhint: ${hint}`;
}

/** Whether another place would do, as opposed to this one at another time. */
export const isWrongPlace = ({ code }: SystemError): boolean => code in wrongPlaces;
