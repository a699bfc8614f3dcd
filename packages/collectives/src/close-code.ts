// The reasons for which a Lockstep connection is closed, as WebSocket close codes (4000–4999 are an application's
// own). Both ends use this table; the text that goes with a code is written where the connection is closed.

export const closeCode = {
  wrongToken: 4001,
  wrongVersion: 4002,
  malformed: 4003,
  deadline: 4004,
  full: 4005,
  nameTaken: 4006,
  flood: 4007,
  hubClosed: 4008,
  wrongJob: 4009,
  /** Pushed out by others before it had proved anything: it may try again. */
  crowded: 4010,
  /** A message that the other side of the handshake has not sent, or not so, or not now. */
  forged: 4011,
  /** Set by WebSocket itself (RFC 6455, 7.4.1), not by us. */
  normal: 1000,
  cut: 1006,
  tooBig: 1009,
} as const;
