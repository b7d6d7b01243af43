// An OpenID provider of others (oidc-provider), the judge of Runtail's login: on a loopback address, or with TLS on all.
//
// What it is told stands in PROVIDER, as JSON: port, clients, accounts (by name: groups), refresh (give refresh
// tokens); with TLS also issuer, and the files tls.cert and tls.key. PUT /control changes accounts while it runs. Its
// pages for login and consent are the package's own.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { text } from "node:stream/consumers";
import Provider from "oidc-provider";

const { port, clients, accounts, refresh, issuer, tls } = JSON.parse(process.env.PROVIDER);
const known = new Map(Object.entries(accounts));

function account(_context, id) {
  const groups = known.get(id);
  return (
    groups && {
      accountId: id,
      claims: () => ({
        sub: id,
        preferred_username: id,
        name: `${id} of the provider`,
        email: `${id}@example.test`,
        groups,
      }),
    }
  );
}

const provider = new Provider(issuer ?? `http://127.0.0.1:${port}`, {
  clients,
  findAccount: account,
  claims: {
    openid: ["sub"],
    profile: ["preferred_username", "name"],
    email: ["email"],
    groups: ["groups"],
  },
  scopes: ["openid", "offline_access", "profile", "email", "groups"],
  cookies: { keys: ["of a test"] },
  pkce: { required: () => true },
  features: { backchannelLogout: { enabled: true } },
  issueRefreshToken: () => Promise.resolve(refresh),
  rotateRefreshToken: true,
  // Runtail is on a loopback address, too, to which it would send no log-out; and this machine may be busy.
  fetch: (url, { dispatcher: _guard, signal: _brief, ...options }) => fetch(url, options),
  renderError: (context, out, error) => {
    console.error("error shown", error);
    context.body = JSON.stringify(out);
  },
});
for (const event of ["grant.error", "backchannel.error", "server_error", "authorization.error"]) {
  provider.on(event, (...told) => console.error(event, ...told.slice(1).map(String)));
}
provider.on("backchannel.success", () => console.log("backchannel.success"));

const pages = provider.callback();
async function answer(request, response) {
  if (request.url !== "/control") {
    pages(request, response);
    return;
  }
  known.clear();
  for (const [name, groups] of Object.entries(JSON.parse(await text(request)))) known.set(name, groups);
  response.end();
}

const ready = () => console.log("provider ready");
if (tls) {
  const files = { cert: readFileSync(tls.cert), key: readFileSync(tls.key) };
  createSecureServer(files, answer).listen(port, ready);
} else {
  createServer(answer).listen(port, "127.0.0.1", ready);
}
