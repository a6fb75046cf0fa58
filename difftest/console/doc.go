// Package console runs programs on a pseudo-terminal, natively and under
// beerun in Wine, types the same for both, and compares the screens.
//
// What comes out of the pseudo-terminal goes through a terminal emulator that
// knows nothing of this project. Under Wine it is drawn by Wine's own console
// (conhost): so the way is the guest's sequences, the console's cells, conhost's
// sequences, a screen again.
package console
