import { Modal } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./Dialog.module.css";

interface DialogProps {
  title: string;
  onClose: () => void;
  /** The title is only read out, and the window stands near the top. */
  bare?: boolean;
  children: ReactNode;
}

/** A window over the page; Escape, the cross and a click beside it close it. */
export function Dialog({ title, onClose, bare = false, children }: DialogProps) {
  return (
    <Modal.Root opened onClose={onClose} centered={!bare} yOffset={bare ? "12vh" : undefined}>
      <Modal.Overlay />
      <Modal.Content>
        {/* Mantine's own header element would be a second banner of the page. */}
        <div className={bare ? "visually-hidden" : classes.head}>
          <Modal.Title>{title}</Modal.Title>
          {!bare && <Modal.CloseButton aria-label="Close" />}
        </div>
        <Modal.Body pt={bare ? "md" : 0}>{children}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
