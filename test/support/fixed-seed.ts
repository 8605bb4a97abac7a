import fc from 'fast-check';

// Every run of the tests tries the same values: a change is judged by what it changed.
fc.configureGlobal({ seed: 1 });
