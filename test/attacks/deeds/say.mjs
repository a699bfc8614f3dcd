// Loaded before the command in every process of a job: in the worker that HOSTILE_WORKER names it takes the token and speaks for that
// worker instead.
import { readFileSync } from 'node:fs';
import { connect } from '@lockstep/collectives/node';

const { env } = process;
const name = env.HOSTILE_WORKER;
if (env.LOCKSTEP_NAME === name) {
  const session = await connect({
    url: env.LOCKSTEP_HUB,
    token: readFileSync(Number(env.LOCKSTEP_TOKEN_FD), 'utf8'),
    name,
  });
  const said = JSON.parse(env.HOSTILE_MESSAGE);
  session.send(said);
  if (said?.kind === 'failed') {
    await session.close();
    process.exit(1);
  }
  const { message } = await session.ended;
  console.log(message);
  setInterval(() => {}, 1000); // it does not end by itself
  await new Promise(() => {});
}
