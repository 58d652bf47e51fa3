/** What the identity pages ask of the server and tell it. */
import type { QueryClient } from "@tanstack/react-query";
import { api, query } from "../../api/client";
import { meQuery, waitForRights } from "../../api/me";
import { session } from "../../api/session";
import type { NewTotp } from "../../api/types";
import { createPasskey, signWithPasskey } from "./passkeys";

/** Whether this installation still waits for its first administrator. */
export const setupQuery = query.queryOptions("get", "/api/v1/setup");

/** How safe the own account is. */
export const securityQuery = query.queryOptions("get", "/api/v1/users/me/security");

/** What opens the own account without a password. */
export const passkeysQuery = query.queryOptions("get", "/api/v1/users/me/passkeys");

/** What the person has allowed other programs. */
export const consentsQuery = query.queryOptions("get", "/api/v1/auth/consents");

interface Credentials {
  email: string;
  password: string;
  /** A code of the authenticator or a recovery code, once the server has asked for it. */
  secondFactor?: string;
}

export interface NewAccount {
  email: string;
  password: string;
  firstName: string;
  lastName: string;
}

/** Starts a session; what was cached for the visitor is asked for again as this person. */
export async function signIn(queryClient: QueryClient, { email, password, secondFactor }: Credentials) {
  const body = { email, password, ...(secondFactor ? { secondFactor } : {}), useCookie: true };
  const { data } = await api.POST("/api/v1/auth/login", { body });
  await beginSession(queryClient, data);
}

/** Starts a session with a passkey that the person chooses; which account it is, the passkey says. */
export async function signInByPasskey(queryClient: QueryClient) {
  const { data: challenge } = await api.POST("/api/v1/auth/passkey/challenge");
  if (challenge === undefined) return;
  const body = { credential: await signWithPasskey(challenge.publicKey), useCookie: true };
  const { data } = await api.POST("/api/v1/auth/passkey", { body });
  await beginSession(queryClient, data);
}

/** Has a link to sign in with sent; the answer is the same whether there is an account or not. */
export async function askForSignInLink(email: string) {
  await api.POST("/api/v1/auth/email-link", { body: { email } });
}

/** Starts a session with the link of a letter, and spends it. */
export async function signInByLink(
  queryClient: QueryClient,
  { token, secondFactor }: { token: string; secondFactor: string },
) {
  const body = { token, ...(secondFactor ? { secondFactor } : {}), useCookie: true };
  const { data } = await api.POST("/api/v1/auth/email-link/redeem", { body });
  await beginSession(queryClient, data);
}

async function beginSession(queryClient: QueryClient, tokens: { accessToken: string } | undefined) {
  if (tokens === undefined) return;
  session.begin(tokens.accessToken);
  await queryClient.fetchQuery({ ...meQuery, staleTime: 0 });
  await queryClient.invalidateQueries();
}

/** Makes the account, signs its owner in right away, and waits for the role that every new account gets. */
export async function signUp(queryClient: QueryClient, account: NewAccount) {
  await api.POST("/api/v1/users", { body: account });
  await signIn(queryClient, account);
  await waitForRights(queryClient, (me) => me.permissions.length > 0);
}

/** Makes the first administrator with the one-time token the server printed, and signs them in. */
export async function setUp(queryClient: QueryClient, account: NewAccount, token: string) {
  await api.POST("/api/v1/setup", { body: { ...account, token } });
  await signIn(queryClient, account);
}

/** Ends the session here and on the server; here also when the server cannot be reached. */
export async function signOut() {
  try {
    if (session.mayBeSignedIn) await api.POST("/api/v1/auth/logout");
  } finally {
    session.end();
  }
}

/** Spends the link that shows that an address is one's own. */
export async function verifyEmail(queryClient: QueryClient, token: string) {
  await api.POST("/api/v1/auth/verify-email", { body: { token } });
  await Promise.all([queryClient.invalidateQueries(meQuery), queryClient.invalidateQueries(securityQuery)]);
}

/** Has a link for a new password sent; the answer is the same whether there is an account or not. */
export async function askForNewPassword(email: string) {
  await api.POST("/api/v1/auth/forgot-password", { body: { email } });
}

/** Spends the link for a new password. Every session of the account is over then, this one too. */
export async function resetPassword(token: string, newPassword: string) {
  await api.POST("/api/v1/auth/reset-password", { body: { token, newPassword } });
  session.end();
}

/** Sends a link to an address that counts once it is opened; to the present one, the link once more. */
export async function changeEmail(body: { password: string; newEmail: string }) {
  await api.POST("/api/v1/users/me/email", { body });
}

/** Every other session of the account ends. */
export async function changePassword(body: { currentPassword: string; newPassword: string }) {
  await api.POST("/api/v1/users/me/password", { body });
}

/** Begins with an authenticator, which counts once it is confirmed. */
export async function beginTotp(password: string): Promise<NewTotp> {
  return (await api.POST("/api/v1/users/me/totp", { body: { password } })).data as NewTotp;
}

/** From now on signing in takes a code. Answers the recovery codes, which are shown this once. */
export async function confirmTotp(code: string): Promise<string[]> {
  const { data } = await api.POST("/api/v1/users/me/totp/confirm", { body: { code } });
  return data?.recoveryCodes ?? [];
}

export async function removeTotp(password: string) {
  await api.DELETE("/api/v1/users/me/totp", { body: { password } });
}

/** Has the browser make a passkey and adds it to the own account. */
export async function addPasskey(name: string, password: string) {
  const { data } = await api.POST("/api/v1/users/me/passkeys/challenge", { body: { password } });
  if (data === undefined) return;
  const credential = await createPasskey(data.publicKey);
  await api.POST("/api/v1/users/me/passkeys", { body: { name, credential } });
}

export async function renamePasskey(id: string, name: string) {
  await api.PATCH("/api/v1/users/me/passkeys/{id}", { params: { path: { id } }, body: { name } });
}

/** It opens nothing any more. */
export async function removePasskey(id: string, password: string) {
  await api.DELETE("/api/v1/users/me/passkeys/{id}", { params: { path: { id } }, body: { password } });
}

/** The tokens the program holds are dead then. */
export async function withdrawConsent(clientId: string) {
  await api.DELETE("/api/v1/auth/consents/{clientId}", { params: { path: { clientId } } });
}

export async function saveName(userId: string, name: { firstName: string; lastName: string }) {
  const { data } = await api.PATCH("/api/v1/users/{id}", { params: { path: { id: userId } }, body: name });
  return data;
}
