/* Does nothing, under the name of any tool: for scenarios about a program's having been started. */
int main(void)
{
    return 0;
}
