// Signs in with a passkey: asks for a challenge, has it signed, and sends the page's second form with the answer.
// Without this file, or where a browser has no passkeys, the page is the one for passwords alone.
"use strict";

const place = document.getElementById("passkey");
const form = document.getElementById("passkey-form");
const button = document.getElementById("passkey-button");
const trouble = document.getElementById("passkey-trouble");

// WebAuthn has no passkeys for IP addresses, and browsers have none for pages that came over plain HTTP.
const isNumber = /^(\d+\.){3}\d+$|^\[/.test(location.hostname);
if (window.PublicKeyCredential && !isNumber) {
  place.hidden = false;
  button.addEventListener("click", signIn);
}

async function signIn() {
  trouble.textContent = "";
  button.disabled = true;
  try {
    const options = await fetchOptions();
    const credential = await navigator.credentials.get({ publicKey: options });
    form.elements.namedItem("passkey").value = JSON.stringify(toJson(credential));
    form.submit();
  } catch (error) {
    button.disabled = false;
    trouble.textContent = words(error);
  }
}

async function fetchOptions() {
  const answer = await fetch("/api/v1/auth/passkey/challenge", { method: "POST" });
  if (!answer.ok) throw new Error(answer.status === 429 ? "busy" : "refused");
  const { publicKey } = await answer.json();
  return { ...publicKey, challenge: toBytes(publicKey.challenge) };
}

// Written out here: not every browser, and not every password manager, has `toJSON`.
function toJson({ id, rawId, type, response }) {
  return {
    id,
    rawId: toText(rawId),
    type,
    response: {
      authenticatorData: toText(response.authenticatorData),
      clientDataJSON: toText(response.clientDataJSON),
      signature: toText(response.signature),
      userHandle: response.userHandle ? toText(response.userHandle) : undefined,
    },
    clientExtensionResults: {},
  };
}

function words(error) {
  if (error.name === "NotAllowedError") return "No passkey was used. Try again, or use your password.";
  if (error.message === "busy") return "Too many tries in a short time. Wait a little and try again.";
  return "Passkeys do not work at this moment. Use your password.";
}

function toBytes(text) {
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

function toText(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
