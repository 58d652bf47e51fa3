/**
 * Finds QR codes in a picture: by the browser itself where it can, else by a WebAssembly reader
 * that is loaded from our own origin when a camera is first switched on.
 */
export interface QrDetector {
  detect: (source: HTMLVideoElement) => Promise<{ rawValue: string }[]>;
}

interface NativeDetector {
  new (options: { formats: string[] }): QrDetector;
  getSupportedFormats: () => Promise<string[]>;
}

const QR = "qr_code";

export async function createDetector(): Promise<QrDetector> {
  const Native = (globalThis as { BarcodeDetector?: NativeDetector }).BarcodeDetector;
  const formats: string[] | undefined = await Native?.getSupportedFormats().catch((): string[] => []);
  if (Native && formats?.includes(QR)) return new Native({ formats: [QR] });

  const { createWasmDetector } = await import("./wasmDetector");
  return createWasmDetector();
}
