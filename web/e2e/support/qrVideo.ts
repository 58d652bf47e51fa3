/** A film of one QR code, for a browser whose camera is a file. */
import type { Page } from "@playwright/test";
import { QRCodeSVG } from "qrcode.react";
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";

const WIDTH = 640;
const HEIGHT = 480;
const CODE_SIDE = 300;
const FRAMES = 8;

/** The film as YUV4MPEG2; the page serves only to draw in. */
export async function filmQrCode(page: Page, text: string): Promise<Buffer> {
  const svg = renderToStaticMarkup(createElement(QRCodeSVG, { value: text, size: CODE_SIDE }));
  const shades = await page.evaluate(drawShades, { svg, width: WIDTH, height: HEIGHT, side: CODE_SIDE });
  const grey = Buffer.alloc((WIDTH * HEIGHT) / 2, 128);
  const frame = Buffer.concat([Buffer.from("FRAME\n"), Buffer.from(shades), grey]);
  const head = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420mpeg2\n`);
  return Buffer.concat([head, ...Array.from({ length: FRAMES }, () => frame)]);
}

/** Runs in the browser: the code in the middle of a white picture, as one shade per pixel. */
async function drawShades(wanted: { svg: string; width: number; height: number; side: number }) {
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(wanted.svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"'))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = wanted.width;
  canvas.height = wanted.height;
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("no canvas to draw on");
  context.fillStyle = "white";
  context.fillRect(0, 0, wanted.width, wanted.height);
  const left = (wanted.width - wanted.side) / 2;
  const top = (wanted.height - wanted.side) / 2;
  context.drawImage(image, left, top, wanted.side, wanted.side);
  const { data } = context.getImageData(0, 0, wanted.width, wanted.height);
  return Array.from({ length: wanted.width * wanted.height }, (_, pixel) => data[pixel * 4] ?? 255);
}
