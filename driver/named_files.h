/* The files that a command line names: what is read is not written over, nothing is written twice, and files
 * of somebody else stay. */
#ifndef TILEC_DRIVER_NAMED_FILES_H
#define TILEC_DRIVER_NAMED_FILES_H

#include "driver/session.h"
#include "support/file.h"

/* Can every --out of `run` be written, each to a file of its own? Only a parameter of the entry that is inout
 * may take the file of its own --in. False after a reported error. */
bool named_files_check(struct session *session, struct node *entry);

/* Why these files cannot be written into the directory: one of them is the source or an array of --in or
 * --out. NULL: none is. */
const char *named_files_hit(struct session *session, const char *directory, const struct output_file *files,
                            size_t count);

#endif
