// A URL may say which content it means: https://…/text.txt#sha256=<64 hexadecimal digits>. The part behind # is never sent.
import { ConfigError } from '@lockstep/errors';

/** The sha256 that a URL's content must have, if the URL says so. @throws {ConfigError} where it is none. */
export function pinnedSha256(url: string): string | undefined {
  const [, pinned] = /#sha256=(.*)$/.exec(url) ?? [];
  if (pinned === undefined || /^[0-9a-f]{64}$/.test(pinned)) return pinned;
  throw new ConfigError(
    `text: expected 64 lower-case hexadecimal digits behind #sha256=, got ${JSON.stringify(pinned)}`,
  );
}

/** @throws {ConfigError} where what came is not what the URL means. */
export function requirePinned(url: string, sha256: string): void {
  const pinned = pinnedSha256(url);
  if (pinned !== undefined && pinned !== sha256)
    throw new ConfigError(`text: expected ${url} to give what its sha256 says, got content with sha256 ${sha256}`);
}
