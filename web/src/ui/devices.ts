/** What a device is called, from what its browser says of itself. */
const BROWSERS = ["Edg", "Firefox", "Chrome", "Safari"];
const SYSTEMS = ["iPhone", "iPad", "Android", "Windows", "Mac", "Linux"];

/** "Firefox on Linux": enough to recognise one's own device by. */
export function describeDevice(userAgent: string | null | undefined): string {
  const browser = BROWSERS.find((name) => userAgent?.includes(name));
  const system = SYSTEMS.find((name) => userAgent?.includes(name));
  if (browser === undefined || system === undefined) return userAgent?.slice(0, 60) || "Unknown device";
  return `${browser === "Edg" ? "Edge" : browser} on ${system}`;
}
