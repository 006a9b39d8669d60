// Package jobs starts the genuine Job controller of the release that it is built with, on top of an API server that is given to it,
// inside a bubble.
package jobs
