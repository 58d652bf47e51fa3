/** The reader for browsers without one of their own. A chunk of its own: most doors never need it. */
import { BarcodeDetector, prepareZXingModule } from "barcode-detector/ponyfill";
import wasmUrl from "zxing-wasm/reader/zxing_reader.wasm?url";
import type { QrDetector } from "./detector";

export async function createWasmDetector(): Promise<QrDetector> {
  await prepareZXingModule({
    overrides: {
      // Without this the module would be fetched from a public network.
      locateFile: (path: string, prefix: string) => (path.endsWith(".wasm") ? wasmUrl : prefix + path),
    },
    fireImmediately: true,
  });
  return new BarcodeDetector({ formats: ["qr_code"] });
}
