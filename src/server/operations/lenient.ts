/**
 * Fields of what actors keep, read leniently: what is not there, or is something else, is null. Not for input.
 */
import { z } from 'zod';

export const number = z.number().nullable().catch(null);
export const text = z.string().nullable().catch(null);
export const flag = z.boolean().nullable().catch(null);
export const record = z.record(z.string(), z.unknown());
