// Tells TeleCoder what happens in OpenCode: events become letters through `telecoder hook`.
// TeleCoder writes this file for each launch, with CONFIG before it; it needs no packages.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from "node:fs";

// A letter that cannot be written in this time is given up: the agent must not wait for us.
const HOOK_MS_MAX = 5000;
// A longer prompt goes by its digest: a letter holds 256 KiB.
const PROMPT_CHARS_MAX = 150000;
const ABORTED = "MessageAbortedError";
// Answers that end so are followed by another one.
const GOES_ON = ["tool-calls", "unknown"];

// They were for the start only (see launch.rs) and must not reach the commands that the agent runs.
for (const name of CONFIG.startVariables) delete process.env[name];

let last = Promise.resolve();

// One after the other: the order of letters is the order of events.
function send(event, data, sync) {
  last = last.then(() => deliver(event, data, sync));
  return last;
}

function deliver(event, data, sync) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, HOOK_MS_MAX);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    try {
      const words = sync ? ["hook", event, "--sync"] : ["hook", event];
      const child = spawn(CONFIG.telecoder, words, { stdio: ["pipe", "ignore", "ignore"] });
      child.on("error", done);
      child.on("exit", done);
      child.stdin.on("error", () => {});
      child.stdin.end(JSON.stringify(data));
    } catch {
      done();
    }
  });
}

// What TeleCoder looks up after a crash. A prompt is on the disk before the model sees it.
function note(entry, sync) {
  try {
    mkdirSync(CONFIG.home, { recursive: true, mode: 0o700 });
    const file = openSync(CONFIG.home + "/journal.jsonl", "a", 0o600);
    try {
      writeSync(file, JSON.stringify({ at: new Date().toISOString(), ...entry }) + "\n");
      if (sync) fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch {
    // Without a journal the hooks are the only record.
  }
}

const children = new Set();
const turns = new Map();

function turn(session) {
  if (!turns.has(session)) turns.set(session, fresh(false));
  return turns.get(session);
}

// `id`: of the prompt that began it; its end is told with it. `begun`: the program said that it works on it. After an interruption it
// says twice that it is idle, and the second word may come
// when the next prompt is there already. `complete`: its newest answer is there and calls for no further one. `refused`: what that
// answer asked for was denied, which ends a turn.
function fresh(open) {
  return {
    open, begun: false, id: undefined, message: "", texts: new Map(), complete: false, refused: false, error: null, aborted: false, retries: 0,
  };
}

function proof(text) {
  if (text.length <= PROMPT_CHARS_MAX) return { prompt: text };
  const bytes = Buffer.from(text.replace(/\s+$/, ""));
  return { prompt_sha256: createHash("sha256").update(bytes).digest("hex"), prompt_bytes: bytes.length };
}

function onEnd(session) {
  const state = turn(session);
  if (!state.open || !(state.begun || state.error || state.aborted)) return;
  state.open = false;
  const text = [...state.texts.values()].join("\n").trim();
  // A turn that is interrupted between two answers ends without an error; right before one, with that answer's alone.
  const isCut = state.aborted || state.retries > 0 || !(state.complete || state.refused || state.error);
  if (!isCut && (text || !state.error)) note({ session, final: text }, false);
  note({ session, turn: "over" }, false);
  const ended = { session_id: session, turn_id: state.id };
  if (isCut) return send("Interrupted", ended, true);
  if (state.error && !text) return send("Failure", { ...ended, ...state.error }, true);
  return send("Stop", { ...ended, last_assistant_message: text || null }, true);
}

function onStatus(session, status) {
  const state = turn(session);
  if (status.type === "busy") {
    state.open = true;
    state.begun = true;
    state.retries = 0;
  } else if (status.type === "retry") {
    state.retries = status.attempt;
    const until = status.next ? new Date(status.next).toISOString() : null;
    // The first refusals of an overloaded provider are gone within seconds.
    if (status.attempt >= 3 || status.next - Date.now() > 30000) {
      send("Limit", { session_id: session, message: String(status.message), until }, false);
    }
  } else if (status.type === "idle") {
    onEnd(session);
  }
}

function onError(session, error) {
  const state = turn(session);
  if (error?.name === ABORTED) state.aborted = true;
  else state.error = { kind: String(error?.name), status: error?.data?.statusCode ?? null, message: String(error?.data?.message ?? error?.name) };
}

function onPart(session, part) {
  const state = turn(session);
  if (part.type !== "text" || part.messageID !== state.message || part.synthetic || part.ignored) return;
  state.texts.set(part.id, part.text);
  if (part.text.trim()) {
    state.error = null;
    state.retries = 0;
  }
}

// Tokens and price of an answer that is complete. What comes from the provider's cache was read all the same.
function count(session, info) {
  const tokens = info.tokens;
  if (info.role !== "assistant" || !info.time?.completed || !tokens) return;
  const input = (tokens.input ?? 0) + (tokens.cache?.read ?? 0) + (tokens.cache?.write ?? 0);
  note({ session, message: info.id, input, output: (tokens.output ?? 0) + (tokens.reasoning ?? 0), cost: info.cost ?? 0 }, false);
}

function onMessage(session, info) {
  const state = turn(session);
  count(session, info);
  // Ids ascend: what is older than the prompt belongs to the turn before.
  if (info.role !== "assistant" || info.id < state.id) return;
  if (info.id !== state.message) {
    state.message = info.id;
    state.texts = new Map();
    state.refused = false;
  }
  if (info.error?.name === ABORTED) state.aborted = true;
  state.complete = info.finish ? !GOES_ON.includes(info.finish) : Boolean(info.time?.completed && !info.error);
}

function onEvent(event) {
  const data = event.properties ?? {};
  const session = data.sessionID ?? data.info?.sessionID ?? data.info?.id;
  if (event.type === "session.created") {
    if (data.info?.parentID) children.add(data.info.id);
    else send("SessionStart", { session_id: data.info.id }, true);
    return;
  }
  if (event.type === "permission.asked") {
    // Also a sub-agent's question stands on the screen of the session.
    send("PermissionRequest", { tool_name: data.permission, patterns: data.patterns, tool_input: data.metadata ?? {} }, true);
    return;
  }
  if (event.type === "question.asked") {
    send("Question", { questions: data.questions }, true);
    return;
  }
  if (["permission.replied", "question.replied", "question.rejected"].includes(event.type)) {
    if (event.type === "question.rejected" || data.reply === "reject") turn(session).refused = true;
    send("PermissionResolved", {}, false);
    return;
  }
  if (!session || children.has(session)) return;
  if (event.type === "message.updated") onMessage(session, data.info);
  else if (event.type === "message.part.updated") onPart(session, data.part);
  else if (event.type === "session.status") onStatus(session, data.status);
  else if (event.type === "session.error") onError(session, data.error);
}

const LOOKS = /^(cat|git diff|git log|git show|git status|grep|head|ls|pwd|stat|tail|wc)( [^|&;<>`$()\n]*)?$/;
const NOTIFIES = /^telecoder notify( ('[^']*'|"[^"`$]*"|[^|&;<>`$()'"\n]+))*$/;
const NOTIFIES_HERE = /^telecoder notify( [^|&;<>`$()'"\n]+)? <<\s*(['"])(\w+)\2\n[\s\S]*\n\3\s*$/;

// A second lock behind the permissions of the configuration, which an agent's own settings may override.
function refusal(tool, args) {
  if (!CONFIG.tools || CONFIG.tools.includes(tool)) return null;
  const command = String(args?.command ?? "").trim();
  const may = tool === "bash" && (NOTIFIES.test(command) || NOTIFIES_HERE.test(command) || (CONFIG.looks && LOOKS.test(command)));
  return may ? null : `The policy of this session is \`${CONFIG.policy}\`: it may only look.`;
}

export const TeleCoder = async () => {
  send("SessionStart", {}, false);
  return {
    event: async ({ event }) => {
      try {
        onEvent(event);
      } catch {
        // What an event of another version holds is not our business.
      }
    },
    "chat.message": async (input, output) => {
      if (children.has(input.sessionID)) return;
      const part = output.parts.find((part) => part.type === "text" && !part.synthetic);
      if (!part) return;
      const state = turn(input.sessionID);
      if (!state.open) Object.assign(state, fresh(true), { id: output.message?.id });
      note({ session: input.sessionID, prompt: part.text }, true);
      // A line of its own, short: it is found at the end of the file without a look at the prompts.
      note({ session: input.sessionID, turn: "runs" }, false);
      await send("UserPromptSubmit", { session_id: input.sessionID, turn_id: state.id, ...proof(part.text) }, true);
    },
    "tool.execute.before": async (input, output) => {
      const refused = refusal(input.tool, output.args);
      if (refused) throw new Error(refused);
      if (!children.has(input.sessionID)) send("PreToolUse", { session_id: input.sessionID, tool_name: input.tool, tool_input: output.args }, false);
    },
  };
};
