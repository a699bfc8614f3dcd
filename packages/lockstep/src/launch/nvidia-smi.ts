// What NVIDIA's own tool tells of its cards, where it is installed.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The fields of each card, with their units; no card where the tool is missing or does not answer. */
export async function askNvidia(fields: readonly string[]): Promise<string[][]> {
  const query = [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader'];
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 5000 });
    return stdout
      .trim()
      .split('\n')
      .map((line) => line.split(', '));
  } catch {
    return [];
  }
}
