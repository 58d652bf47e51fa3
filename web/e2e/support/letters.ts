/** The letters a server sent: without a mail server they are files of its data directory. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";

/** The path of the link in the latest letter to the address that leads to the page; undefined if none came yet. */
export function findLink(data: string, email: string, page: string): string | undefined {
  const links = lettersTo(data, email).map((text) => text.match(linkTo(page))?.[0]);
  return links.find((link) => link !== undefined);
}

/** The latest first. */
function lettersTo(data: string, email: string): string[] {
  const folder = path.join(data, "mailbox");
  return listFiles(folder)
    .filter((name) => name.endsWith(".eml"))
    .map((name) => path.join(folder, name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
    .map((file) => readFileSync(file, "utf8"))
    .filter((text) => text.toLowerCase().includes(`to: ${email}`));
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // The folder is made with the first letter.
    return [];
  }
}

function linkTo(page: string): RegExp {
  return new RegExp(`/${page}\\?token=[\\w-]+`);
}
