// The header messages that this package knows, by type.
import { attribute, attributeInfo } from './attribute.js';
import { dataspace } from './dataspace.js';
import { datatype } from './datatype.js';
import { externalFiles } from './external-files.js';
import { fileSpaceInfo } from './file-space-info.js';
import { fillValue } from './fill-value.js';
import { filterPipeline } from './filter-pipeline.js';
import { layout } from './layout.js';
import { groupInfo, link, linkInfo } from './link.js';
import { messageType, type HeaderMessage } from './object-header.js';
import { decode, print, type Field } from './schema.js';

type Printer = (body: Uint8Array, what: string) => string;

function printer<T extends I, I>(field: Field<T, I>): Printer {
  return (body, what) => print(field, decode(field, body, what));
}

const known: Readonly<Record<number, { readonly name: string; readonly text: Printer }>> = {
  [messageType.dataspace]: { name: 'dataspace', text: printer(dataspace) },
  [messageType.linkInfo]: { name: 'link info', text: printer(linkInfo) },
  [messageType.datatype]: { name: 'datatype', text: printer(datatype) },
  [messageType.fillValue]: { name: 'fill value', text: printer(fillValue) },
  [messageType.link]: { name: 'link', text: printer(link) },
  [messageType.externalFiles]: { name: 'external files', text: printer(externalFiles) },
  [messageType.layout]: { name: 'data layout', text: printer(layout) },
  [messageType.groupInfo]: { name: 'group info', text: printer(groupInfo) },
  [messageType.filterPipeline]: { name: 'filter pipeline', text: printer(filterPipeline) },
  [messageType.attribute]: { name: 'attribute', text: printer(attribute) },
  [messageType.fileSpaceInfo]: { name: 'file space info', text: printer(fileSpaceInfo) },
  [messageType.attributeInfo]: { name: 'attribute info', text: printer(attributeInfo) },
};

/** A header message as a person reads it. @throws ERR_CORRUPT_FILE, ERR_UNSUPPORTED */
export function describeMessage({ type, body }: HeaderMessage): { readonly name: string; readonly text: string } {
  const entry = known[type];
  if (entry === undefined) return { name: `message 0x${type.toString(16)}`, text: `${String(body.length)} bytes` };
  return { name: entry.name, text: entry.text(body, `the ${entry.name} message`) };
}
