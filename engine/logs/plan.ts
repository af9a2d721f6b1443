/** What the supervisor of a container is told of its log. */
import type { LogSpec } from '../supervise/spec.ts';
import { extrasOf, jsonAttributes, type Printer, tagOf } from './extras.ts';
import { delivery, driverOf, fileSettings, logProblem } from './options.ts';
import { checkServer, findServer } from './server.ts';
import { journalTemplates, syslogTemplates } from './templates.ts';

/** Where it is read: undefined when no line of it is kept. */
export const isKept = (log: Printer['container']['log']): boolean => fileSettings(log) !== undefined;

/** What is wrong with it, before anything is touched; undefined: nothing. */
export function findLogProblem(container: Printer['container']): Error | undefined {
  const printer = { id: '0'.repeat(64), hostname: '', container };
  try {
    fileOf(printer, '');
    templatesOf(printer);
    delivery(container.log);
    const driver = driverOf(container.log);
    if (driver === 'journald' || driver === 'syslog') checkServer(driver, container.log.options);
    return undefined;
  } catch (error) {
    return logProblem(container, error);
  }
}

export async function planLog(printer: Printer, path: string): Promise<LogSpec> {
  const { log } = printer.container;
  const driver = driverOf(log);
  const templates = templatesOf(printer);
  const file = fileOf(printer, path);
  try {
    return {
      ...(file === undefined ? {} : { file }),
      ...(templates === undefined || (driver !== 'journald' && driver !== 'syslog')
        ? {}
        : { remote: { ...(await findServer(driver, log.options)), templates, ...delivery(log) } }),
    };
  } catch (error) {
    throw logProblem(printer.container, error);
  }
}

function templatesOf(printer: Printer) {
  const driver = driverOf(printer.container.log);
  if (driver === 'journald') return journalTemplates(printer);
  return driver === 'syslog' ? syslogTemplates(printer) : undefined;
}

function fileOf(printer: Printer, path: string): LogSpec['file'] {
  const settings = fileSettings(printer.container.log);
  return settings && { path, ...settings, attributes: attributesOf(printer) };
}

/** Only json-file writes them; and a tag only where one was asked for. */
function attributesOf(printer: Printer): string {
  const { log } = printer.container;
  if (driverOf(log) !== 'json-file') return '';
  const tag = log.options['tag'] ? { tag: tagOf(printer, '') } : {};
  return jsonAttributes({ ...extrasOf(printer), ...tag });
}
