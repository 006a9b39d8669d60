//go:build !embed_actor

package actor

import "embed"

// embedded holds the programs of a release; here it is empty.
var embedded embed.FS
