/* SPDX-License-Identifier: Apache-2.0 */
#include "core/desired/refusal.h"

#include "core/desired/claim.h"

static bool namespace_moves(const struct object *realm, const ProtobufCMessage *message)
{
	const char *wanted = ((const Api__Realm *)message)->spec->namespace_;
	AUTO_FREE char *now = engine_namespace(realm);
	AUTO_FREE char *then =
		str_empty(wanted) ? name_containerd_namespace(realm->key) : xstrdup(wanted);

	return !str_equal(now, then);
}

/* What kuke shows in the place of a password stands for one that is there; here it stands for none.
 */
static bool hides_unknown(const char *key, const ProtobufCMessage *message)
{
	const Api__RealmSpec *spec =
		key_kind(key) == KIND_REALM ? ((const Api__Realm *)message)->spec : NULL;

	for (size_t i = 0; spec && i < spec->n_registry_credentials; i++)
		if (str_equal(spec->registry_credentials[i]->password, MODEL_HIDDEN))
			return true;
	return false;
}

char *refusal_of(const struct object *object, const char *key, const ProtobufCMessage *message)
{
	if (object && object->kind == KIND_REALM && namespace_moves(object, message))
		return xstrdup("spec.namespace cannot change: containers live in the namespace it "
			       "has; delete the realm first");
	if (hides_unknown(key, message))
		return xstrdup(
			"spec.registryCredentials: a password is " MODEL_HIDDEN
			", which kuke shows in the place of one that is not known here; write "
			"the password, or a passwordFile");
	if (self_is_key(key) && ((const Api__Cell *)message)->spec->n_containers)
		return xstrdup("this cell stands for kukeond itself and takes no containers");
	return NULL;
}

/* As it is declared: that may be another spec than the one that it has. */
static const ProtobufCMessage *declared(const struct object *object)
{
	const struct claim *claim = claim_first(object);

	return claim && object->kind != KIND_CELL ? claim->message : object->spec;
}

void refusal_prepare(struct object *object)
{
	free(take_ptr(object->refused));
	if (object->wanted && object->spec && object->kind != KIND_CONTAINER)
		object->refused = refusal_of(object, object->key, declared(object));
}
