// The Chromium that tests drive: the one that set-up has found or installed, on SwiftShader, so that it needs no GPU.
import { type Browser, chromium } from 'playwright-core';

const executablePath = process.env['LOCKSTEP_CHROMIUM'] ?? '';
const args = [
  '--headless=new',
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
];

/** Undefined where LOCKSTEP_CHROMIUM names no browser. @param more arguments for it */
export async function launchChromium(more: readonly string[] = []): Promise<Browser | undefined> {
  return executablePath ? chromium.launch({ executablePath, args: [...args, ...more] }) : undefined;
}
