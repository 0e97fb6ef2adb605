// The API client: sign-in with rotating tokens, queries, uploads, and live operations that resume where they stopped.

const KEY = "dyocense.session";
let session = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
let refreshing = null;
const onEnd = new Set();

export const signedIn = () => session !== null;
export const role = () => session?.role;
export const whenSessionEnds = (callback) => onEnd.add(callback);

function keep(next) {
  session = next;
  if (next) sessionStorage.setItem(KEY, JSON.stringify(next));
  else sessionStorage.removeItem(KEY);
}

function end() {
  keep(null);
  socket?.close(1000);
  for (const callback of onEnd) callback();
}

/** A refusal or fault of the API, in words for people. */
export class ApiError extends Error {}

async function post(query, variables, token) {
  let response;
  try {
    response = await fetch("/graphql", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/graphql-response+json, application/json",
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
      body: JSON.stringify({ query, variables }),
    });
  } catch {
    throw new ApiError("The server cannot be reached.");
  }
  const answer = await response.json().catch(() => null);
  if (!answer) throw new ApiError(`The server answered with status ${response.status}.`);
  return answer;
}

const unauthenticated = (answer) => answer.errors?.some((error) => error.extensions?.code === "UNAUTHENTICATED");

/** Runs an operation; every `userErrors` of the answer becomes an ApiError. */
export async function run(query, variables = {}) {
  let answer = await post(query, variables, session?.accessToken);
  if (unauthenticated(answer) && session) {
    await refresh();
    answer = await post(query, variables, session?.accessToken);
    if (unauthenticated(answer)) end();
  }
  if (answer.errors?.length) throw new ApiError(answer.errors.map((error) => error.message).join("\n"));
  for (const value of Object.values(answer.data)) {
    if (value?.userErrors?.length) throw new ApiError(value.userErrors.map((error) => error.message).join("\n"));
  }
  return answer.data;
}

async function refresh() {
  // One exchange at a time: a refresh token works once.
  refreshing ??= (async () => {
    const answer = await post(
      `mutation ($input: RefreshSessionInput!) {
        refreshSession(input: $input) { tokens { accessToken refreshToken } userErrors { message } }
      }`,
      { input: { refreshToken: session.refreshToken } },
    );
    const tokens = answer.data?.refreshSession?.tokens;
    if (tokens) keep({ ...session, ...tokens });
    else end();
  })().finally(() => (refreshing = null));
  await refreshing;
}

export async function signIn(email, password) {
  const data = await run(
    `mutation ($input: LoginInput!) {
      login(input: $input) { tokens { accessToken refreshToken } role userErrors { message } }
    }`,
    { input: { email, password } },
  );
  keep({ ...data.login.tokens, role: data.login.role });
}

export async function signOut() {
  await run(`mutation { logout { userErrors { message } } }`).catch(() => {});
  end();
}

export async function upload(file) {
  const send = () =>
    fetch(`/uploads?fileName=${encodeURIComponent(file.name)}`, {
      method: "POST",
      headers: { authorization: `Bearer ${session.accessToken}`, "content-type": "text/csv" },
      body: file,
    });
  let response = await send();
  if (response.status === 401) {
    await refresh();
    response = await send();
  }
  const answer = await response.json().catch(() => ({}));
  const problem = answer.errors?.[0]?.message ?? answer.userErrors?.[0]?.message;
  if (!response.ok || problem) throw new ApiError(problem ?? `The upload failed with status ${response.status}.`);
  return answer.uploadId;
}

/** Saves an authorised download under a name. */
export async function download(path, name) {
  const response = await fetch(path, { headers: { authorization: `Bearer ${session.accessToken}` } });
  if (!response.ok) throw new ApiError(`The download failed with status ${response.status}.`);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

// Live operations over one socket (graphql-transport-ws). Each remembers the position of its last item; after a broken
// connection it is started again behind it, so that nothing is lost and nothing comes twice.

let socket = null;
let ready = false;
let retry = 500;
let nextId = 1;
const live = new Map();
export const liveState = { on: false, watch: new Set() };

function setLive(on) {
  liveState.on = on;
  for (const callback of liveState.watch) callback(on);
}

function start(id, operation) {
  const variables = { ...operation.variables, ...(operation.after === null ? {} : { after: operation.after }) };
  socket.send(JSON.stringify({ id, type: "subscribe", payload: { query: operation.query, variables } }));
}

function connect() {
  if (socket || !session || live.size === 0) return;
  const address = new URL("/graphql", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  socket = new WebSocket(address, "graphql-transport-ws");
  socket.onopen = () =>
    socket.send(JSON.stringify({ type: "connection_init", payload: { authorization: `Bearer ${session.accessToken}` } }));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "connection_ack") {
      ready = true;
      retry = 500;
      setLive(true);
      for (const [id, operation] of live) start(id, operation);
    } else if (message.type === "ping") {
      socket.send(JSON.stringify({ type: "pong" }));
    } else if (message.type === "next") {
      const operation = live.get(message.id);
      if (!operation || message.payload.errors) return;
      const item = Object.values(message.payload.data)[0];
      if (item?.position !== undefined) operation.after = item.position;
      operation.next(item);
    } else if (message.type === "error" || message.type === "complete") {
      live.delete(message.id);
    }
  };
  socket.onclose = async ({ code }) => {
    socket = null;
    ready = false;
    setLive(false);
    if (!session) return;
    if (code === 4401 || code === 4403) await refresh();
    setTimeout(connect, retry);
    retry = Math.min(retry * 2, 15000);
  };
}

/** Starts a live operation; its `after` variable takes the position to go on behind. Returns what stops it. */
export function subscribe(query, variables, next) {
  const id = String(nextId++);
  live.set(id, { query, variables, next, after: variables.after ?? null });
  if (ready) start(id, live.get(id));
  else connect();
  return () => {
    if (live.delete(id) && ready) socket.send(JSON.stringify({ id, type: "complete" }));
  };
}
