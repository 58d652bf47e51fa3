/** `oidc-provider` with a client for the benchmark, everything in memory: `node oidc-provider.mjs <port>`. */
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const port = Number(process.argv[2]);
const { privateKey } = generateKeyPairSync("ed25519");
const key = { ...privateKey.export({ format: "jwk" }), alg: "EdDSA", use: "sig" };

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "bench",
      client_secret: "a-secret-of-the-bench",
      token_endpoint_auth_method: "client_secret_post",
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
      scope: "api",
      id_token_signed_response_alg: "EdDSA",
    },
  ],
  scopes: ["api"],
  jwks: { keys: [key] },
  enabledJWA: { idTokenSigningAlgValues: ["EdDSA"] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      // Signed tokens for this resource only; others stay opaque, and can be asked about.
      getResourceServerInfo: () => ({
        scope: "api",
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "EdDSA" } },
      }),
    },
  },
});

// What the benchmark waits for.
provider.use(async (context, next) => {
  if (context.path === "/") context.body = "ready";
  else await next();
});
provider.listen(port, "127.0.0.1");
