import enRoom from '$messages/en.room.json';
import { learn } from './index.svelte';

// Imported first by every page of the room, so that its words are there before its parts.
learn(enRoom);
