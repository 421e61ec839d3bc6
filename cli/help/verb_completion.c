/* SPDX-License-Identifier: Apache-2.0 */
/* kuke completion: a script for each shell; all of them ask kuke __complete. */
#include <errno.h>

#include "cli/args/args.h"
#include "cli/help/complete.h"
#include "cli/verbs.h"
#include "core/base/str.h"

/* Bash splits words at "=", which stands between an option and its value. */
static const char bash[] =
	"# Completion of kuke for bash: source <(kuke completion bash)\n"
	"_kuke() {\n"
	"	local word words=() current=${COMP_WORDS[COMP_CWORD]}\n"
	"	for word in \"${COMP_WORDS[@]:1:COMP_CWORD}\"; do\n"
	"		[ \"$word\" = '=' ] || words+=(\"$word\")\n"
	"	done\n"
	"	if [ \"$current\" = '=' ]; then\n"
	"		current=\n"
	"		words+=('')\n"
	"	fi\n"
	"	COMPREPLY=()\n"
	"	while IFS=$'\\t' read -r word _; do\n"
	"		if [ \"$word\" = '" COMPLETE_FILES "' ]; then\n"
	"			compopt -o filenames 2>/dev/null\n"
	"			mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
	"			return\n"
	"		fi\n"
	"		COMPREPLY+=(\"$word\")\n"
	"	done < <(\"${COMP_WORDS[0]}\" __complete -- \"${words[@]}\" 2>/dev/null)\n"
	"}\n"
	"complete -F _kuke kuke\n";

static const char zsh[] =
	"#compdef kuke\n"
	"# Completion of kuke for zsh: source <(kuke completion zsh), or a file _kuke in $fpath\n"
	"_kuke() {\n"
	"	local -a lines\n"
	"	lines=(\"${(@f)$(kuke __complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
	"	[[ -n $lines[1] ]] || return 1\n"
	"	if [[ $lines[1] == '" COMPLETE_FILES "' ]]; then\n"
	"		_files\n"
	"		return\n"
	"	fi\n"
	"	lines=(\"${(@)lines//:/\\\\:}\")\n"
	"	lines=(\"${(@)lines/$'\\t'/:}\")\n"
	"	_describe kuke lines\n"
	"}\n"
	"if [[ $funcstack[1] == _kuke ]]; then\n"
	"	_kuke \"$@\"\n"
	"else\n"
	"	compdef _kuke kuke\n"
	"fi\n";

static const char fish[] =
	"# Completion of kuke for fish: kuke completion fish | source\n"
	"function __kuke_complete\n"
	"	set -l words (commandline -opc)\n"
	"	set -l current (commandline -ct)\n"
	"	set -l lines (kuke __complete -- $words[2..-1] \"$current\" 2>/dev/null)\n"
	"	if test \"$lines[1]\" = '" COMPLETE_FILES "'\n"
	"		__fish_complete_path \"$current\"\n"
	"	else\n"
	"		printf '%s\\n' $lines\n"
	"	end\n"
	"end\n"
	"complete -c kuke -f -a '(__kuke_complete)'\n";

static const struct {
	const char *shell, *script;
} scripts[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

static enum cli_exit completion_run(const struct args *args, const struct io *io, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(scripts) && args->n_words; i++) {
		if (!str_equal(args->words[0], scripts[i].shell))
			continue;
		fputs(scripts[i].script, io->out);
		return CLI_DONE;
	}
	if (args->n_words)
		error_set(err, -EINVAL, "unknown shell \"%s\": expected bash, zsh or fish",
			  args->words[0]);
	else
		error_set(err, -EINVAL, "for which shell? bash, zsh or fish");
	return CLI_USAGE;
}

static const struct argp_child completion_options[] = { { .argp = &args_common }, { 0 } };

const struct verb verb_completion = {
	.name = "completion",
	.summary = "Print the script by which a shell completes verbs, flags and names",
	.usage = "bash|zsh|fish",
	.examples = "  kuke completion bash >/etc/bash_completion.d/kuke\n"
		    "  source <(kuke completion bash)\n"
		    "  kuke completion zsh >/usr/local/share/zsh/site-functions/_kuke\n"
		    "  kuke completion fish >~/.config/fish/completions/kuke.fish\n",
	.max_words = 1,
	.options = completion_options,
	.run = completion_run,
};
