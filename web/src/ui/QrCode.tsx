/**
 * A code a scanner can read: black on white with its quiet zone, whatever the colour scheme is.
 * Meant to be loaded when it is needed, by `lazy`.
 */
import { QRCodeSVG } from "qrcode.react";

/** The quiet zone, in modules; scanners want four. */
const MARGIN = 4;

export default function QrCode({ content, title }: { content: string; title: string }) {
  return (
    <QRCodeSVG
      value={content}
      title={title}
      level="M"
      marginSize={MARGIN}
      bgColor="#ffffff"
      fgColor="#000000"
      size={320}
      style={{ display: "block", width: "100%", height: "auto" }}
    />
  );
}
