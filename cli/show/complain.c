/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/show/table.h"

void cli_complain(const struct io *io, const char *message)
{
	fputs("kuke: ", io->err);
	text_print(message, io->err);
	fputc('\n', io->err);
}
