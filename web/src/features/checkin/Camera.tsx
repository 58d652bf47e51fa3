/** Shows what the camera sees and reports each code that comes into view, once. */
import { Button, Group, Text } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { Icon } from "../../ui/icons";
import styles from "./checkin.module.css";
import { createDetector } from "./detector";

interface CameraProps {
  onCode: (code: string) => void;
  onClose: () => void;
}

const LOOK_EVERY_MS = 120;
/** A code that stays in view is one scan; held up again after this long it is another. */
const SAME_CODE_MS = 4_000;

export function Camera({ onCode, onClose }: CameraProps) {
  const video = useRef<HTMLVideoElement>(null);
  const report = useRef(onCode);
  report.current = onCode;
  const [trouble, setTrouble] = useState<string | null>(null);
  const [track, setTrack] = useState<MediaStreamTrack | null>(null);

  useEffect(() => {
    const closing = new AbortController();
    const { signal } = closing;
    if (video.current) {
      watch(video.current, signal, setTrack, (code) => report.current(code)).catch((error: unknown) => {
        if (!signal.aborted) setTrouble(explain(error));
      });
    }
    return () => closing.abort();
  }, []);

  if (trouble !== null) {
    return (
      <div className={styles.cameraTrouble} role="alert">
        <Text>{trouble}</Text>
        <Button variant="default" onClick={onClose}>
          Go on without the camera
        </Button>
      </div>
    );
  }
  return (
    <div className={styles.camera}>
      <video ref={video} className={styles.video} muted playsInline aria-label="What the camera sees" />
      <div className={styles.frame} aria-hidden="true" />
      <Group className={styles.cameraButtons} gap="xs">
        {track && <Torch track={track} />}
        <Button size="compact-md" variant="default" onClick={onClose}>
          Close the camera
        </Button>
      </Group>
    </div>
  );
}

/** Doors are dark: the lamp of the phone, where it can be switched. */
function Torch({ track }: { track: MediaStreamTrack }) {
  const [isOn, setIsOn] = useState(false);
  const capabilities = track.getCapabilities?.() as { torch?: boolean } | undefined;
  if (!capabilities?.torch) return null;
  const toggle = async () => {
    await track.applyConstraints({ advanced: [{ torch: !isOn } as MediaTrackConstraintSet] });
    setIsOn(!isOn);
  };
  return (
    <Button
      size="compact-md"
      variant="default"
      aria-pressed={isOn}
      leftSection={<Icon name="light" size={16} />}
      onClick={toggle}
    >
      Light
    </Button>
  );
}

async function watch(
  video: HTMLVideoElement,
  signal: AbortSignal,
  onTrack: (track: MediaStreamTrack) => void,
  onCode: (code: string) => void,
) {
  if (!navigator.mediaDevices) throw new DOMException("", "InsecureContext");
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: false,
    video: { facingMode: "environment", width: { ideal: 1280 } },
  });
  const stop = () => {
    for (const track of stream.getTracks()) track.stop();
  };
  if (signal.aborted) return stop();
  signal.addEventListener("abort", stop);

  video.srcObject = stream;
  await video.play();
  const [track] = stream.getVideoTracks();
  if (track) onTrack(track);
  const detector = await createDetector();

  let last = { code: "", at: 0 };
  while (!signal.aborted) {
    const found = video.readyState >= video.HAVE_CURRENT_DATA ? await detector.detect(video) : [];
    const code = found[0]?.rawValue;
    if (code && !signal.aborted) {
      const now = Date.now();
      if (code !== last.code || now - last.at > SAME_CODE_MS) onCode(code);
      last = { code, at: now };
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function explain(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError") {
    return "This browser may not use the camera. Allow it in the settings of this site, or use a scanner or type the code.";
  }
  if (name === "NotFoundError") return "There is no camera. Use a scanner or type the code.";
  if (name === "NotReadableError") return "Another program uses the camera. Close it and try again.";
  if (name === "InsecureContext") {
    return "Browsers give the camera to pages with https only. Use a scanner or type the code.";
  }
  return "The camera cannot be used here. Use a scanner or type the code.";
}
