import { createRootRoute, Outlet } from "@tanstack/react-router";
import { MissingPage } from "./FailedPage";

export const root = createRootRoute({
  component: Outlet,
  notFoundComponent: MissingPage,
});
