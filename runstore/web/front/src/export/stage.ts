/** What draws in three dimensions, from a script that is in the file where it is needed: for media/stage.ts. */
export const { Stage } = (globalThis as { runstoreStage?: typeof import("../media/stage") }).runstoreStage ?? ({} as typeof import("../media/stage"));
