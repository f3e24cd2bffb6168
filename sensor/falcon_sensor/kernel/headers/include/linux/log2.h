/* Included by bcc's prelude, which uses nothing of it in what we compile. */
