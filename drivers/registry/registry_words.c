/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/registry/registry_words.h"

#include <errno.h>
#include <nettle/base64.h>

/* ---- to a registry ---- */

static void add_base64(const char *text, struct buf *out)
{
	size_t len = strlen(text);
	char *to = buf_reserve(out, BASE64_ENCODE_RAW_LENGTH(len) + 1);

	base64_encode_raw(to, len, (const uint8_t *)text);
	out->len += BASE64_ENCODE_RAW_LENGTH(len);
	out->data[out->len] = '\0';
}

static void add_encoded(const struct secret *secret, struct buf *out)
{
	char *both = xasprintf("%s:%s", secret->username, secret->text);

	add_base64(both, out);
	explicit_bzero(both, strlen(both));
	free(both);
}

void words_add_basic(const struct secret *secret, struct buf *header)
{
	buf_add_str(header, "Authorization: Basic ");
	add_encoded(secret, header);
}

/* ---- of an answer ---- */

static bool says_back(const char *words, const char *secret)
{
	return !str_empty(secret) && strstr(words, secret);
}

static bool says_back_encoded(const char *words, const struct secret *secret)
{
	AUTO_BUF struct buf encoded = { 0 };

	if (secret->text && secret->username)
		add_encoded(secret, &encoded);
	return says_back(words, encoded.data);
}

void words_add_answer(const char *body, size_t len, const struct secret *secret, const char *token,
		      struct buf *out)
{
	AUTO_BUF struct buf words = { 0 };

	answer_add_words(body ? body : "", len, &words);
	if (!words.len)
		return;
	words.data[words.len] = '\0';
	if (!says_back(words.data, secret->text) && !says_back(words.data, token) &&
	    !says_back_encoded(words.data, secret))
		buf_add(out, words.data, words.len);
}

/* What could help where it does not let us in. */
static const char *remedy(const struct endpoint *endpoint)
{
	if (endpoint->withheld)
		return "the credentials for it were not sent, as it is spoken to without TLS";
	return endpoint->secret.text ? "or needs other credentials than the realm has for it"
				     : "or needs credentials (registryCredentials of the realm)";
}

static int set(const struct words_of *words, int code, const char *what, const char *remedy_,
	       struct error *err)
{
	bool said = !str_empty(words->said);

	return error_set(err, code, "%s says %s (HTTP %ld%s%s)%s%s", words->endpoint->authority,
			 what, words->code, said ? ", " : "", said ? words->said : "",
			 *remedy_ ? ": " : "", remedy_);
}

int words_of_answer(const struct words_of *words, enum image_fault *ret_fault, struct error *err)
{
	AUTO_FREE char *there =
		xasprintf("%s is not there, %s", words->what, remedy(words->endpoint));

	switch (words->answer) {
	case ANSWER_NOT_THERE:
		*ret_fault = IMAGE_FAULT_NOT_THERE;
		return set(words, -ENOENT, "not found", there, err);
	case ANSWER_LOG_IN:
		*ret_fault = IMAGE_FAULT_UNAUTHORIZED;
		return set(words, -EACCES, "unauthorized", there, err);
	case ANSWER_DENIED:
		*ret_fault = IMAGE_FAULT_UNAUTHORIZED;
		return set(words, -EACCES, "denied", there, err);
	case ANSWER_LATER:
		*ret_fault = IMAGE_FAULT_TOO_MANY;
		return set(words, -EBUSY, "too many requests", "", err);
	case ANSWER_BROKEN:
		*ret_fault = IMAGE_FAULT_UNREACHABLE;
		return set(words, -EPIPE, "that it is broken", "", err);
	default:
		*ret_fault = IMAGE_FAULT_OTHER;
		return set(words, -EPROTO, "no", "", err);
	}
}

enum image_fault words_fault_of(int status)
{
	switch (-status) {
	case ECONNREFUSED:
	case ETIMEDOUT:
	case EPIPE:
	case EPROTO:
	case EKEYREJECTED:
		return IMAGE_FAULT_UNREACHABLE;
	case EBADMSG:
		return IMAGE_FAULT_INVALID;
	default:
		return IMAGE_FAULT_OTHER;
	}
}
