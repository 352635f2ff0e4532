mod authentication;
mod http;
mod mcp;
mod openapi;
mod reach;
mod stand_in;
