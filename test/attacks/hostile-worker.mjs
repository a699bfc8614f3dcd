// Loaded before the command in every process of a job: in worker-1 it takes the token and speaks for that worker instead.
import { readFileSync } from 'node:fs';
import { connect } from '@lockstep/collectives/node';

const { argv, env } = process;
if (argv[2] === 'worker' && argv.includes('worker-1')) {
  const session = await connect({
    url: argv[argv.indexOf('--hub') + 1],
    token: readFileSync(Number(env.LOCKSTEP_TOKEN_FD), 'utf8'),
    name: 'worker-1',
  });
  session.send(JSON.parse(env.HOSTILE_MESSAGE));
  const { message } = await session.ended;
  console.log(message);
  setInterval(() => {}, 1000); // it does not end by itself
  await new Promise(() => {});
}
